#ifndef EP_RELU_F32_H
#define EP_RELU_F32_H

#include "ep_elementwise.h"

typedef ep_unary_params ep_relu_f32_params;

/* Negative elements become 0; -0 and NaN stay. */
void ep_relu_f32(const ep_relu_f32_params *p, const float *in, float *out);

#endif
