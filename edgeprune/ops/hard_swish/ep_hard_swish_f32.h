#ifndef EP_HARD_SWISH_F32_H
#define EP_HARD_SWISH_F32_H

#include "ep_elementwise.h"

typedef ep_unary_params ep_hard_swish_f32_params;

/* x times x + 3 held between 0 and 6, divided by 6. */
void ep_hard_swish_f32(const ep_hard_swish_f32_params *p, const float *in, float *out);

#endif
