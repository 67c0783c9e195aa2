#ifndef EP_TANH_F32_H
#define EP_TANH_F32_H

#include "ep_elementwise.h"

typedef ep_unary_params ep_tanh_f32_params;

/* tanh(x). */
void ep_tanh_f32(const ep_tanh_f32_params *p, const float *in, float *out);

#endif
