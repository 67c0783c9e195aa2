#include "ep_div_s8.h"

#include "ep_gemmlowp.h"

#define RECIPROCAL_OF_0 (-1515870788)

/* x / 2^exponent rounded, 0 <= exponent < 64; from 32 on as op.py says. */
static int32_t shifted_right(int32_t x, int32_t exponent)
{
    if (exponent < 32) {
        return ep_shift_right_round(x, exponent);
    }
    return (x >> (exponent - 32)) + (x >= 0 ? 1 : 0);
}

static int8_t quotient(const ep_div_s8_params *p, int32_t a, int32_t b)
{
    const int32_t x = b < 0 ? -a : a;
    const int32_t y = b < 0 ? -b : b;
    const int32_t zeros = ep_leading_zeros(y);
    int32_t reciprocal = RECIPROCAL_OF_0;
    if (y > 0) {
        reciprocal = ep_one_over_one_plus((int32_t)(((uint32_t)y << zeros) - (UINT32_C(1) << 31)));
    }
    const int32_t headroom = ep_leading_zeros(x < 0 ? ~x : x) - 1;
    const int32_t unscaled = ep_high_mul(ep_shift_left_wrap(x, headroom), reciprocal);
    const int32_t exponent = 31 - zeros + headroom - p->shift;
    const int32_t scaled = shifted_right(ep_high_mul(unscaled, p->multiplier), exponent);
    return (int8_t)ep_clamp(p->zero_point + scaled, p->act_min, p->act_max);
}

EP_BINARY_KERNEL(ep_div_s8, int8_t, int8_t, int8_t, quotient(p, x - p->zero_point_a, y - p->zero_point_b))
