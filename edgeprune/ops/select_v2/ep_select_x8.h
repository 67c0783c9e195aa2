#ifndef EP_SELECT_X8_H
#define EP_SELECT_X8_H

#include "ep_math.h"

typedef struct {
    int32_t extents[EP_LOOPS];
    int32_t strides_condition[EP_LOOPS]; /* in elements, 0 where it is broadcast */
    int32_t strides_a[EP_LOOPS];
    int32_t strides_b[EP_LOOPS];
    int32_t count; /* of the innermost loop */
    int32_t step_condition;
    int32_t step_a;
    int32_t step_b;
} ep_select_x8_params;

/* a where the condition is not 0, else b; elements of 8 bits. */
void ep_select_x8(const ep_select_x8_params *p, const uint8_t *condition, const void *a, const void *b, void *out);

#endif
