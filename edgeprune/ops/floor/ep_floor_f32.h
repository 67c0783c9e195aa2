#ifndef EP_FLOOR_F32_H
#define EP_FLOOR_F32_H

#include "ep_elementwise.h"

typedef ep_unary_params ep_floor_f32_params;

/* x rounded down. */
void ep_floor_f32(const ep_floor_f32_params *p, const float *in, float *out);

#endif
