/* The arithmetic of 16-bit outputs: 64-bit sums as fixedpoint64.py has them, or 32-bit ones. */
#ifndef EP_MATH64_H
#define EP_MATH64_H

#include "ep_math.h"

/* acc * multiplier / 2^15 * 2^shift, rounded once; |acc| < 2^47, the multiplier has at most 15 bits,
 * -31 <= shift <= 7. Results beyond 32 bits wrap. */
static inline int32_t ep_multiply_64(int64_t acc, int32_t multiplier, int32_t shift)
{
    const int32_t total = 15 - shift;
    return (int32_t)(uint32_t)((acc * multiplier + (INT64_C(1) << (total - 1))) >> total);
}

/* A sum to int16: scale, clamp. Where it is not a 64-bit sum it fits 32 bits, and so does the multiplier. */
static inline int16_t ep_requantize_16(int64_t acc, int32_t multiplier, int32_t shift, int32_t is_64_bit,
                                       int32_t act_min, int32_t act_max)
{
    const int32_t scaled = is_64_bit ? ep_multiply_64(acc, multiplier, shift)
                                     : ep_multiply((int32_t)acc, multiplier, shift);
    return (int16_t)ep_clamp(scaled, act_min, act_max);
}

#endif
