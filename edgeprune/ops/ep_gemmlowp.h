/* Division and inverse roots in 32-bit fixed point: gemmlowp.py in C, bit for bit.
 *
 * A number in Qm has m integer bits: it is in units of 2^(m-31).
 */
#ifndef EP_GEMMLOWP_H
#define EP_GEMMLOWP_H

#include "ep_math.h"

#define EP_ONE_Q0 INT32_MAX

/* Of the bits of x, 32 where x is 0. */
static inline int32_t ep_leading_zeros(int32_t x)
{
    int32_t count = 0;
    for (uint32_t rest = (uint32_t)x; count < 32 && rest < UINT32_C(1) << 31; rest <<= 1) {
        count++;
    }
    return count;
}

/* x * 2^shift, saturating; 0 <= shift <= 31. */
static inline int32_t ep_shift_left_saturate(int32_t x, int32_t shift)
{
    const int64_t wide = (int64_t)((uint64_t)(int64_t)x << shift);
    return wide > INT32_MAX ? INT32_MAX : wide < INT32_MIN ? INT32_MIN : (int32_t)wide;
}

/* 1 / (1 + a), all in Q0, 0 <= a: Newton's division, three steps. */
static inline int32_t ep_one_over_one_plus(int32_t a)
{
    const int32_t half_denominator = (int32_t)(((int64_t)a + EP_ONE_Q0 + 1) >> 1);
    int32_t x = 1515870810 + ep_high_mul(half_denominator, -1010580540); /* 48/17 and -32/17 in Q2 */
    for (int32_t i = 0; i < 3; i++) {
        const int32_t error = (1 << 29) - ep_high_mul(half_denominator, x);
        x += ep_high_mul(x, error) * 4;
    }
    return ep_shift_left_saturate(x, 1); /* x is 2 / (1 + a) in Q2, 1 / (1 + a) in Q1 */
}

/* multiplier / 2^31 * 2^shift. */
typedef struct {
    int32_t multiplier;
    int32_t shift;
} ep_factor;

/* 1 / sqrt(x) of an integer of 0 or more; 0 counts as 1. Five of Newton's steps from 1, in Q3. */
static inline ep_factor ep_inverse_sqrt(int32_t x)
{
    ep_factor result = {EP_ONE_Q0, 0};
    if (x <= 1) {
        return result;
    }
    int32_t right = 11;
    while (x >= 1 << 29) {
        x /= 4;
        right++;
    }
    const int32_t pairs = (ep_leading_zeros(x) - 1) / 2 - 1;
    right -= pairs;
    const int32_t half = ep_shift_right_round((x << (2 * pairs)) >> 1, 1);
    int32_t y = 1 << 28;
    for (int32_t i = 0; i < 5; i++) {
        const int32_t cube = ep_shift_left_saturate(ep_high_mul(ep_high_mul(y, y), y), 6);
        y = ep_shift_left_saturate(ep_high_mul((1 << 28) + (1 << 27), y) - ep_high_mul(half, cube), 3);
    }
    y = ep_high_mul(y, 1518500250); /* sqrt(1/2) in Q0 */
    result.multiplier = right < 0 ? y * (1 << -right) : y;
    result.shift = right < 0 ? 0 : -right;
    return result;
}

#endif
