#include "ep_depthwise_conv2d_any_signed_s8_m0.h"

#include "ep_window_any_signed_m0.h"

void ep_depthwise_conv2d_any_signed_s8_m0(const ep_depthwise_conv2d_any_signed_s8_m0_params *p, const int8_t *in, int8_t *out,
         void *scratch)
{
    ep_depthwise_conv2d_m0(p, in, out, scratch, 0, ep_window_any_signed_m0);
}
