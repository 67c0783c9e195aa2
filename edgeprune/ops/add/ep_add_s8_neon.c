#include "ep_add_s8_neon.h"

/* x is brought to the common scale by 2^19: 2^5 as it is widened, 2^14 as it is added. y has 2^20: 2^4, and
 * 2^16 as it is widened again. */
enum { LANES = 16, X_BITS = 5, X_FACTOR = 1 << 14, Y_BITS = 4, BOTH_BITS = 3 };

typedef struct {
    int32x4_t multiplier_y;
    int32x4_t shift_y;
    int32x4_t multiplier;
    int32x4_t shift;
    int16x8_t zero_point_x; /* times 2^X_BITS */
    int16x8_t zero_point_y;
    int16x8_t zero_point_both; /* of x + y, times 2^BOTH_BITS */
} constants;

EP_INLINE int32x4_t scaled(int32x4_t sum, int32x4_t multiplier, int32x4_t shift, const int is_careful)
{
    return ep_scale_neon(sum, multiplier, shift, is_careful ? EP_RIGHT : EP_POSITIVE);
}

/* y at the common scale, and x. */
EP_INLINE int32x4_t total(const constants *k, int16x4_t x, int32x4_t y, const int is_careful)
{
    return vmlal_n_s16(scaled(y, k->multiplier_y, k->shift_y, is_careful), x, X_FACTOR);
}

EP_INLINE int8x16_t sixteen(const constants *k, const ep_output_neon *o, int8x16_t x, int8x16_t y, const int is_even,
                            const int is_careful, const int rounding)
{
    int32x4_t sums[4];
    if (is_even) {
        const int16x8_t low = vshlq_n_s16(vaddl_s8(vget_low_s8(x), vget_low_s8(y)), BOTH_BITS);
        const int16x8_t high = vshlq_n_s16(vaddl_high_s8(x, y), BOTH_BITS);
        const int16x8_t both[2] = {vsubq_s16(low, k->zero_point_both), vsubq_s16(high, k->zero_point_both)};
        EP_UNROLL for (int i = 0; i < 2; i++) {
            sums[2 * i] = vshll_n_s16(vget_low_s16(both[i]), 16);
            sums[2 * i + 1] = vshll_high_n_s16(both[i], 16);
        }
    } else {
        const int16x8_t wide_x[2] = {vsubq_s16(vshll_n_s8(vget_low_s8(x), X_BITS), k->zero_point_x),
                                     vsubq_s16(vshll_high_n_s8(x, X_BITS), k->zero_point_x)};
        const int16x8_t wide_y[2] = {vsubq_s16(vshll_n_s8(vget_low_s8(y), Y_BITS), k->zero_point_y),
                                     vsubq_s16(vshll_high_n_s8(y, Y_BITS), k->zero_point_y)};
        EP_UNROLL for (int i = 0; i < 2; i++) {
            const int32x4_t low = vshll_n_s16(vget_low_s16(wide_y[i]), 16);
            const int32x4_t high = vshll_high_n_s16(wide_y[i], 16);
            sums[2 * i] = total(k, vget_low_s16(wide_x[i]), low, is_careful);
            sums[2 * i + 1] = total(k, vget_high_s16(wide_x[i]), high, is_careful);
        }
    }
    EP_UNROLL for (int i = 0; i < 4; i++) {
        sums[i] = scaled(sums[i], k->multiplier, k->shift, is_careful);
    }
    return ep_narrow16_neon(sums, o, rounding);
}

EP_INLINE int8x16_t some(const int8_t *from, int32_t count)
{
    int8_t bytes[LANES] = {0};
    for (int32_t i = 0; i < count; i++) {
        bytes[i] = from[i];
    }
    return vld1q_s8(bytes);
}

EP_INLINE void add(const constants *k, const ep_add_s8_neon_params *p, const int8_t *x, const int8_t *y, int8_t *out,
                   const int is_even, const int is_careful, const int rounding)
{
    const ep_output_neon o = p->output;
    int32_t rest = p->count;
    EP_ROLLED for (; rest >= LANES; rest -= LANES) {
        vst1q_s8(out, sixteen(k, &o, vld1q_s8(x), vld1q_s8(y), is_even, is_careful, rounding));
        x += LANES;
        y += LANES;
        out += LANES;
    }
    if (rest > 0) {
        const int8x16_t sum = sixteen(k, &o, some(x, rest), some(y, rest), is_even, is_careful, rounding);
        ep_store16_neon(out, sum, rest);
    }
}

void ep_add_s8_neon(const ep_add_s8_neon_params *p, const int8_t *a, const int8_t *b, int8_t *out)
{
    const int8_t *x = p->x_is_second != 0 ? b : a;
    const int8_t *y = p->x_is_second != 0 ? a : b;
    const constants k = {
        .multiplier_y = vdupq_n_s32(p->multiplier_y),
        .shift_y = vdupq_n_s32(p->shift_y),
        .multiplier = vdupq_n_s32(p->multiplier),
        .shift = vdupq_n_s32(p->shift),
        .zero_point_x = vdupq_n_s16((int16_t)(p->zero_point_x * (1 << X_BITS))),
        .zero_point_y = vdupq_n_s16((int16_t)(p->zero_point_y * (1 << Y_BITS))),
        .zero_point_both = vdupq_n_s16((int16_t)((p->zero_point_x + p->zero_point_y) * (1 << BOTH_BITS))),
    };
    const int is_short = p->output.rounding == EP_RIGHT;
    if (p->shift_y == 0) {
        add(&k, p, x, y, out, 1, 1, EP_ANY);
    } else if (p->is_careful != 0) {
        add(&k, p, x, y, out, 0, 1, EP_ANY);
    } else if (is_short) {
        add(&k, p, x, y, out, 0, 0, EP_RIGHT);
    } else {
        add(&k, p, x, y, out, 0, 0, EP_ANY);
    }
}
