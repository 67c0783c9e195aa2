#include "ep_conv2d_s8_neon.h"

#include "ep_filters_s8_neon.h"

void ep_conv2d_s8_neon(const ep_conv2d_s8_neon_params *p, const int8_t *in, int8_t *out, void *scratch)
{
    ep_convolution_neon_run(&p->convolution, ep_filters_s8_neon, in, out, scratch);
}
