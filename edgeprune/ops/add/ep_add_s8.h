#ifndef EP_ADD_S8_H
#define EP_ADD_S8_H

#include "ep_math.h"

typedef struct {
    int32_t extents[EP_LOOPS];
    int32_t strides_a[EP_LOOPS]; /* in elements, 0 where a is broadcast */
    int32_t strides_b[EP_LOOPS];
    int32_t count; /* of the innermost loop */
    int32_t step_a;
    int32_t step_b;
    int32_t sign; /* 1 adds b, -1 subtracts it */
    int32_t zero_point_a;
    int32_t multiplier_a;
    int32_t shift_a;
    int32_t zero_point_b;
    int32_t multiplier_b;
    int32_t shift_b;
    int32_t zero_point;
    int32_t multiplier;
    int32_t shift;
    int32_t act_min;
    int32_t act_max;
} ep_add_s8_params;

/* out = a + sign * b; the inputs are added with 20 more bits than they have. */
void ep_add_s8(const ep_add_s8_params *p, const int8_t *a, const int8_t *b, int8_t *out);

#endif
