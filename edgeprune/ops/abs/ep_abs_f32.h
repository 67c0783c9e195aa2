#ifndef EP_ABS_F32_H
#define EP_ABS_F32_H

#include "ep_elementwise.h"

typedef ep_unary_params ep_abs_f32_params;

/* The magnitude of x. */
void ep_abs_f32(const ep_abs_f32_params *p, const float *in, float *out);

#endif
