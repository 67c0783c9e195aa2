#ifndef EP_SQRT_F32_H
#define EP_SQRT_F32_H

#include "ep_elementwise.h"

typedef ep_unary_params ep_sqrt_f32_params;

/* The square root; NaN of negative numbers. */
void ep_sqrt_f32(const ep_sqrt_f32_params *p, const float *in, float *out);

#endif
