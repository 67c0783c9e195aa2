#ifndef EP_NEG_F32_H
#define EP_NEG_F32_H

#include "ep_elementwise.h"

typedef ep_unary_params ep_neg_f32_params;

/* -x. */
void ep_neg_f32(const ep_neg_f32_params *p, const float *in, float *out);

#endif
