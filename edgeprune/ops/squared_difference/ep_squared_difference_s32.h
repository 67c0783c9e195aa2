#ifndef EP_SQUARED_DIFFERENCE_S32_H
#define EP_SQUARED_DIFFERENCE_S32_H

#include "ep_elementwise.h"

typedef struct {
    EP_BINARY_FIELDS;
} ep_squared_difference_s32_params;

/* out = (a - b)^2, wrapping. */
void ep_squared_difference_s32(const ep_squared_difference_s32_params *p, const int32_t *a, const int32_t *b, int32_t *out);

#endif
