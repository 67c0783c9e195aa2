/* The arithmetic that all kernels share: fixedpoint.py in C, bit for bit.
 *
 * Signed shifts right are arithmetic on every compiler that we build with; everything else is
 * defined C11. Values that may leave 32 bits go through uint32_t, where wrapping is defined.
 */
#ifndef EP_MATH_H
#define EP_MATH_H

#include <stdint.h>

/* Half-open: begin <= i < end. */
typedef struct {
    int32_t begin;
    int32_t end;
} ep_span;

static inline int32_t ep_max(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

static inline int32_t ep_min(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static inline int32_t ep_clamp(int32_t x, int32_t low, int32_t high)
{
    return ep_min(ep_max(x, low), high);
}

/* a + b, wrapping. */
static inline int32_t ep_add_wrap(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a + (uint32_t)b);
}

/* a * 2^shift, wrapping; 0 <= shift <= 31. */
static inline int32_t ep_shift_left_wrap(int32_t a, int32_t shift)
{
    return (int32_t)((uint32_t)a << shift);
}

/* a / count, rounded to nearest, halves away from zero; count > 0, |a| + count / 2 < 2^31. */
static inline int32_t ep_div_round(int32_t a, int32_t count)
{
    return (a > 0 ? a + count / 2 : a - count / 2) / count;
}

/* round(a * b / 2^31), halves up; -2^31 * -2^31 saturates. */
static inline int32_t ep_high_mul(int32_t a, int32_t b)
{
    const int64_t high = ((int64_t)a * b + (INT64_C(1) << 30)) >> 31;
    return high > INT32_MAX ? INT32_MAX : (int32_t)high;
}

/* x / 2^exponent, rounded to nearest, halves away from zero; 0 <= exponent <= 31. */
static inline int32_t ep_shift_right_round(int32_t x, int32_t exponent)
{
    const uint32_t mask = (UINT32_C(1) << exponent) - 1u;
    const uint32_t rest = (uint32_t)x & mask;
    const uint32_t threshold = (mask >> 1) + (x < 0 ? 1u : 0u);
    return (x >> exponent) + (rest > threshold ? 1 : 0);
}

/* x * multiplier / 2^31 * 2^shift, rounded twice; -31 <= shift <= 30. */
static inline int32_t ep_multiply(int32_t x, int32_t multiplier, int32_t shift)
{
    const int32_t left = shift > 0 ? shift : 0;
    const int32_t right = shift > 0 ? 0 : -shift;
    return ep_shift_right_round(ep_high_mul(ep_shift_left_wrap(x, left), multiplier), right);
}

/* An accumulator to int8: scale, add the zero point, clamp; act_min and act_max fit int8. */
static inline int8_t ep_requantize(int32_t acc, int32_t multiplier, int32_t shift, int32_t zero_point,
                                   int32_t act_min, int32_t act_max)
{
    const int32_t scaled = ep_add_wrap(ep_multiply(acc, multiplier, shift), zero_point);
    return (int8_t)ep_clamp(scaled, act_min, act_max);
}

/* The part of the input, along one dimension, that the window of output `out` covers. */
static inline ep_span ep_window_span(int32_t out, int32_t stride, int32_t pad, int32_t window, int32_t in)
{
    const int32_t origin = out * stride - pad;
    const ep_span span = {ep_max(origin, 0), ep_min(origin + window, in)};
    return span;
}

/* The taps of a dilated filter that fall inside the input, along one dimension; perhaps none. */
static inline ep_span ep_tap_span(int32_t origin, int32_t dilation, int32_t taps, int32_t in)
{
    ep_span span = {0, 0};
    if (origin < 0) {
        span.begin = (dilation - 1 - origin) / dilation;
    }
    if (origin < in) {
        span.end = ep_min(taps, (in - origin + dilation - 1) / dilation);
    }
    return span;
}

/* Loops around a kernel's innermost one, outermost first; loops that are not needed have extent 1. */
#define EP_LOOPS 5

/* Where position `at` of a loop nest is, in elements from the position at zero. */
static inline int32_t ep_loop_offset(const int32_t *at, const int32_t *strides)
{
    int32_t offset = 0;
    for (int32_t d = 0; d < EP_LOOPS; d++) {
        offset += at[d] * strides[d];
    }
    return offset;
}

/* Moves `at` to the next position, last dimension first; 0 after the last position. */
static inline int32_t ep_loop_next(int32_t *at, const int32_t *extents)
{
    for (int32_t d = EP_LOOPS - 1; d >= 0; d--) {
        at[d]++;
        if (at[d] < extents[d]) {
            return 1;
        }
        at[d] = 0;
    }
    return 0;
}

#endif
