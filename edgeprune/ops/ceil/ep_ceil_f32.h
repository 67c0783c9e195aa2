#ifndef EP_CEIL_F32_H
#define EP_CEIL_F32_H

#include "ep_elementwise.h"

typedef ep_unary_params ep_ceil_f32_params;

/* x rounded up. */
void ep_ceil_f32(const ep_ceil_f32_params *p, const float *in, float *out);

#endif
