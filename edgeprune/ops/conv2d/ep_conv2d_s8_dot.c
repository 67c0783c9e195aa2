#include "ep_conv2d_s8_dot.h"

#include "ep_filters_s8_dot.h"

void ep_conv2d_s8_dot(const ep_conv2d_s8_dot_params *p, const int8_t *in, int8_t *out, void *scratch)
{
    ep_convolution_neon_run(&p->convolution, ep_filters_s8_dot, in, out, scratch);
}
