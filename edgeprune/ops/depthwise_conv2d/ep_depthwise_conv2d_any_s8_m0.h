#ifndef EP_DEPTHWISE_CONV2D_ANY_S8_M0_H
#define EP_DEPTHWISE_CONV2D_ANY_S8_M0_H

#include "ep_depthwise_conv2d_m0.h"

typedef ep_depthwise_conv2d_m0_params ep_depthwise_conv2d_any_s8_m0_params;

void ep_depthwise_conv2d_any_s8_m0(const ep_depthwise_conv2d_any_s8_m0_params *p, const int8_t *in, int8_t *out,
         void *scratch);

#endif
