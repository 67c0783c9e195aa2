#ifndef EP_RSQRT_F32_H
#define EP_RSQRT_F32_H

#include "ep_elementwise.h"

typedef ep_unary_params ep_rsqrt_f32_params;

/* 1 / sqrt(x); NaN of negative numbers. */
void ep_rsqrt_f32(const ep_rsqrt_f32_params *p, const float *in, float *out);

#endif
