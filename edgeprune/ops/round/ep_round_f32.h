#ifndef EP_ROUND_F32_H
#define EP_ROUND_F32_H

#include "ep_elementwise.h"

typedef ep_unary_params ep_round_f32_params;

/* x rounded to nearest, halves to even; never -0 but of -0. */
void ep_round_f32(const ep_round_f32_params *p, const float *in, float *out);

#endif
