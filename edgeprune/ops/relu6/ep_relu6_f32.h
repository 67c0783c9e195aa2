#ifndef EP_RELU6_F32_H
#define EP_RELU6_F32_H

#include "ep_elementwise.h"

typedef ep_unary_params ep_relu6_f32_params;

/* Elements between 0 and 6; -0 and NaN stay. */
void ep_relu6_f32(const ep_relu6_f32_params *p, const float *in, float *out);

#endif
