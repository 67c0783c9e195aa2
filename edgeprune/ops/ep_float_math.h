/* Float functions for kernels: no C library, the same bits on every core; floatmath.py in C.
 *
 * ep_expf   glibc 2.28 to 2.40's expf on every input where those are not fused: with fused
 *           multiply-adds glibc itself rounds two of all floats another way. Error below 0.502 ulp
 * ep_logf   glibc 2.28 to 2.40's logf on every input. Error below 0.82 ulp
 * ep_expm1f, ep_tanhf  those glibcs' expm1f and tanhf on every input. Error below 1 and 2 ulp
 * ep_sqrtf  the nearest float, as IEEE 754 wants
 *
 * Overflow is infinity, underflow is gradual; a NaN comes back quiet, an invalid argument gives the
 * NaN with its sign set, as an x86 does. Needs round-to-nearest and no contraction to fused
 * multiply-adds (-ffp-contract=off). ep_expf and ep_logf compute in double, in software on most cores.
 */
#ifndef EP_FLOAT_MATH_H
#define EP_FLOAT_MATH_H

#include <stdint.h>

float ep_expf(float x);
float ep_expm1f(float x);
float ep_logf(float x);
float ep_sqrtf(float x);
float ep_tanhf(float x);

/* The bits of a float, and back. */
static inline uint32_t ep_float_bits(float x)
{
    const union {
        float real;
        uint32_t bits;
    } both = {.real = x};
    return both.bits;
}

static inline float ep_bits_float(uint32_t bits)
{
    const union {
        uint32_t bits;
        float real;
    } both = {.bits = bits};
    return both.real;
}

/* x rounded down, or, with `up`, up; floats of 2^23 and more are integers. */
static inline float ep_round_floor(float x, int32_t up)
{
    const uint32_t bits = ep_float_bits(x);
    if ((bits & UINT32_C(0x7fffffff)) >= UINT32_C(0x4b000000)) {
        return x;
    }
    float whole = (float)(int32_t)x;
    if (up && whole < x) {
        whole += 1.0f;
    } else if (!up && whole > x) {
        whole -= 1.0f;
    }
    return ep_bits_float(ep_float_bits(whole) | (bits & UINT32_C(0x80000000)));
}

#endif
