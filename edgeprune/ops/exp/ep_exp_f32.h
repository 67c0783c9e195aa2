#ifndef EP_EXP_F32_H
#define EP_EXP_F32_H

#include "ep_elementwise.h"

typedef ep_unary_params ep_exp_f32_params;

/* e^x. */
void ep_exp_f32(const ep_exp_f32_params *p, const float *in, float *out);

#endif
