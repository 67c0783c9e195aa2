#ifndef EP_SQUARED_DIFFERENCE_F32_H
#define EP_SQUARED_DIFFERENCE_F32_H

#include "ep_elementwise.h"

typedef struct {
    EP_BINARY_FIELDS;
} ep_squared_difference_f32_params;

/* out = (a - b)^2. */
void ep_squared_difference_f32(const ep_squared_difference_f32_params *p, const float *a, const float *b, float *out);

#endif
