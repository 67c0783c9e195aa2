#ifndef EP_CONV2D_S8_M0_H
#define EP_CONV2D_S8_M0_H

#include "ep_conv2d_m0.h"

typedef ep_conv2d_m0_params ep_conv2d_s8_m0_params;

void ep_conv2d_s8_m0(const ep_conv2d_s8_m0_params *p, const int8_t *in, int8_t *out, void *scratch);

#endif
