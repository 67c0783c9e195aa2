#include "ep_squared_difference_s8.h"

#define EXTRA_BITS 7

static int32_t scaled(int32_t centred, int32_t multiplier, int32_t shift)
{
    return ep_multiply(centred * (1 << EXTRA_BITS), multiplier, shift);
}

static int8_t square(const ep_squared_difference_s8_params *p, int32_t a, int32_t b)
{
    const int32_t difference = scaled(a - p->zero_point_a, p->multiplier_a, p->shift_a) -
                               scaled(b - p->zero_point_b, p->multiplier_b, p->shift_b);
    return ep_requantize(difference * difference, p->multiplier, p->shift, p->zero_point, INT8_MIN, INT8_MAX);
}

EP_BINARY_KERNEL(ep_squared_difference_s8, int8_t, int8_t, int8_t, square(p, x, y))
