#include "ep_depthwise_conv2d_signed_s8_m0.h"

#include "ep_window3_signed_m0.h"

void ep_depthwise_conv2d_signed_s8_m0(const ep_depthwise_conv2d_signed_s8_m0_params *p, const int8_t *in, int8_t *out, void *scratch)
{
    ep_depthwise_conv2d_m0(p, in, out, scratch,
                           p->stride_w == 1 ? ep_window3_stride1_signed_m0 : ep_window3_stride2_signed_m0, 0);
}
