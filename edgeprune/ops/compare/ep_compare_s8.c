#include "ep_compare_s8.h"

#define EXTRA_BITS 8

static int32_t scaled(int32_t centred, int32_t multiplier, int32_t shift)
{
    return ep_multiply(centred * (1 << EXTRA_BITS), multiplier, shift);
}

static int32_t holds(const ep_compare_s8_params *p, int32_t a, int32_t b)
{
    const int32_t left = scaled(a - p->zero_point_a, p->multiplier_a, p->shift_a);
    const int32_t right = scaled(b - p->zero_point_b, p->multiplier_b, p->shift_b);
    return EP_HOLDS(p->relation, left, right);
}

EP_BINARY_KERNEL(ep_compare_s8, int8_t, int8_t, uint8_t, holds(p, x, y))
