#include "ep_prelu_s8.h"

static int8_t prelu(const ep_prelu_s8_params *p, int32_t a, int32_t b)
{
    if (a >= 0) {
        return ep_requantize(a, p->multiplier, p->shift, p->zero_point, INT8_MIN, INT8_MAX);
    }
    return ep_requantize(a * b, p->slope_multiplier, p->slope_shift, p->zero_point, INT8_MIN, INT8_MAX);
}

EP_BINARY_KERNEL(ep_prelu_s8, int8_t, int8_t, int8_t, prelu(p, x - p->zero_point_a, y - p->zero_point_b))
