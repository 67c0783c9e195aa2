#include "ep_add_s16.h"

#define EXTRA_BITS 15

static int32_t sum(const ep_add_s16_params *p, int32_t x, int32_t y)
{
    const int32_t left = ep_multiply(x * (1 << EXTRA_BITS), p->multiplier_a, p->shift_a);
    const int32_t right = ep_multiply(y * (1 << EXTRA_BITS), p->multiplier_b, p->shift_b);
    return ep_clamp(ep_multiply(left + p->sign * right, p->multiplier, p->shift), p->act_min, p->act_max);
}

EP_BINARY_KERNEL(ep_add_s16, int16_t, int16_t, int16_t, sum(p, x, y))
