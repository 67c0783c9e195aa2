#ifndef EP_SQUARE_F32_H
#define EP_SQUARE_F32_H

#include "ep_elementwise.h"

typedef ep_unary_params ep_square_f32_params;

/* x^2. */
void ep_square_f32(const ep_square_f32_params *p, const float *in, float *out);

#endif
