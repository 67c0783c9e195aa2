#include "ep_conv2d_signed_s8_m0.h"

#include "ep_dot4_signed_m0.h"

void ep_conv2d_signed_s8_m0(const ep_conv2d_signed_s8_m0_params *p, const int8_t *in, int8_t *out, void *scratch)
{
    ep_conv2d_m0(p, in, out, scratch, ep_dot4_signed_m0);
}
