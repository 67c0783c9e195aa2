#ifndef EP_ELU_F32_H
#define EP_ELU_F32_H

#include "ep_elementwise.h"

typedef ep_unary_params ep_elu_f32_params;

/* x where it is 0 or more, else e^x - 1. */
void ep_elu_f32(const ep_elu_f32_params *p, const float *in, float *out);

#endif
