/* Accumulators to int8, four at a time, for NEON: ep_requantize bit for bit, where nothing wraps.
 *
 * SQRDMULH is ep_high_mul. SRSHL rounds halves up, and ep_shift_right_round away from zero: a negative
 * number is made less by one first. Where the activation cuts off all below the zero point that is not needed.
 */
#ifndef EP_REQUANTIZE_NEON_H
#define EP_REQUANTIZE_NEON_H

#include <arm_neon.h>

#define EP_INLINE static inline __attribute__((always_inline))
#ifdef __clang__
#define EP_UNROLL _Pragma("clang loop unroll(full)")
#define EP_ROLLED _Pragma("clang loop unroll(disable)") /* else sums are kept in memory */
#else
#define EP_UNROLL
#define EP_ROLLED
#endif

/* The compiler does not know the number any more: addresses are not made from each other then. */
#define EP_HIDE(number) __asm__("" : "+r"(number))
/* The same for a vector: the instruction that makes it is not split, to share a half with another path. */
#define EP_HIDE_VECTOR(vector) __asm__("" : "+w"(vector))

/* The ways to round and clamp. Of the first two the scaled sums with the zero point fit 16 bits, and all of int8
 * is allowed. */
enum {
    EP_POSITIVE = 0, /* shifts <= 0, the zero point is -128 */
    EP_RIGHT = 1,    /* shifts < 0 */
    EP_ANY = 2
};

typedef struct {
    int32_t zero_point;
    int32_t act_min;
    int32_t act_max;
    int32_t rounding;
} ep_output_neon;

EP_INLINE int32x4_t ep_scale_neon(int32x4_t sum, int32x4_t multiplier, int32x4_t shift, int rounding)
{
    if (rounding == EP_ANY) {
        const int32x4_t right = vminq_s32(shift, vdupq_n_s32(0));
        const int32x4_t left = vshlq_s32(sum, vmaxq_s32(shift, vdupq_n_s32(0)));
        const int32x4_t high = vqrdmulhq_s32(left, multiplier);
        return vrshlq_s32(vsraq_n_s32(high, vandq_s32(high, right), 31), right);
    }
    const int32x4_t high = vqrdmulhq_s32(sum, multiplier);
    return vrshlq_s32(rounding == EP_RIGHT ? vsraq_n_s32(high, high, 31) : high, shift);
}

/* Eight scaled sums in 16 bits, with the zero point. */
EP_INLINE int16x8_t ep_shorten_neon(int32x4_t low, int32x4_t high, int16x8_t zero_point, int rounding)
{
    if (rounding == EP_ANY) {
        return vqaddq_s16(vqmovn_high_s32(vqmovn_s32(low), high), zero_point);
    }
    return vaddq_s16(vuzp1q_s16(vreinterpretq_s16_s32(low), vreinterpretq_s16_s32(high)), zero_point);
}

/* Eight scaled sums with the zero point, clamped. */
EP_INLINE int8x8_t ep_narrow_neon(int32x4_t low, int32x4_t high, const ep_output_neon *o, int rounding)
{
    const int16x8_t zero_point = vdupq_n_s16((int16_t)o->zero_point);
    const int8x8_t result = vqmovn_s16(ep_shorten_neon(low, high, zero_point, rounding));
    if (rounding != EP_ANY) {
        return result;
    }
    return vmin_s8(vmax_s8(result, vdup_n_s8((int8_t)o->act_min)), vdup_n_s8((int8_t)o->act_max));
}

/* Sixteen of them. */
EP_INLINE int8x16_t ep_narrow16_neon(const int32x4_t scaled[4], const ep_output_neon *o, int rounding)
{
    const int16x8_t zero_point = vdupq_n_s16((int16_t)o->zero_point);
    const int16x8_t low = ep_shorten_neon(scaled[0], scaled[1], zero_point, rounding);
    const int16x8_t high = ep_shorten_neon(scaled[2], scaled[3], zero_point, rounding);
    const int8x16_t result = vqmovn_high_s16(vqmovn_s16(low), high);
    if (rounding != EP_ANY) {
        return result;
    }
    return vminq_s8(vmaxq_s8(result, vdupq_n_s8((int8_t)o->act_min)), vdupq_n_s8((int8_t)o->act_max));
}

/* The first `count` of eight bytes, 1 to 8. */
EP_INLINE void ep_store_neon(int8_t *out, int8x8_t values, int32_t count)
{
    if (count >= 8) {
        vst1_s8(out, values);
        return;
    }
    if ((count & 4) != 0) {
        vst1_lane_s32((int32_t *)(void *)out, vreinterpret_s32_s8(values), 0);
        values = vext_s8(values, values, 4);
        out += 4;
    }
    if ((count & 2) != 0) {
        vst1_lane_s16((int16_t *)(void *)out, vreinterpret_s16_s8(values), 0);
        values = vext_s8(values, values, 2);
        out += 2;
    }
    if ((count & 1) != 0) {
        vst1_lane_s8(out, values, 0);
    }
}

/* The first `count` of sixteen bytes, 1 or more. */
EP_INLINE void ep_store16_neon(int8_t *out, int8x16_t values, int32_t count)
{
    if (count >= 16) {
        vst1q_s8(out, values);
        return;
    }
    ep_store_neon(out, vget_low_s8(values), count);
    if (count > 8) {
        ep_store_neon(out + 8, vget_high_s8(values), count - 8);
    }
}

#endif
