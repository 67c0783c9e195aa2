#include "ep_add_s8_mve.h"

#include <arm_mve.h>

enum { LANES = 8, EXTRA_BITS = 20, HALF_BITS = EXTRA_BITS - 1 };

/* x / 2^-shift, halves away from zero; shift < 0. */
static inline int32x4_t shift_away(int32x4_t x, int32_t shift)
{
    return vrshlq_n_s32(vqaddq_s32(x, vshrq_n_s32(x, 31)), shift);
}

/* y, four of its numbers less the zero point times 2^16, brought to the common scale, and x to that. */
static inline int32x4_t total(const ep_add_s8_mve_params *p, int32x4_t x, int32x4_t y)
{
    const int32x4_t scaled = shift_away(vqrdmulhq_n_s32(y, p->multiplier_y), p->shift_y);
    return vmlaq_n_s32(scaled, x, 1 << HALF_BITS);
}

static inline int32x4_t requantized(const ep_add_s8_mve_params *p, int32x4_t sum)
{
    return shift_away(vqrdmulhq_n_s32(sum, p->multiplier), p->shift);
}

static inline int16x8_t sums(const ep_add_s8_mve_params *p, int16x8_t x, int16x8_t y, int is_even)
{
    const int16x8_t dx = vsubq_n_s16(x, (int16_t)p->zero_point_x);
    const int16x8_t dy = vsubq_n_s16(y, (int16_t)p->zero_point_y);
    int32x4_t low, high;
    if (is_even) {
        const int16x8_t both = vshlq_n_s16(vaddq_s16(dx, dy), HALF_BITS - 16);
        low = vshllbq_n_s16(both, 16);
        high = vshlltq_n_s16(both, 16);
    } else {
        const int16x8_t wide = vshlq_n_s16(dy, EXTRA_BITS - 16);
        low = total(p, vmovlbq_s16(dx), vshllbq_n_s16(wide, 16));
        high = total(p, vmovltq_s16(dx), vshlltq_n_s16(wide, 16));
    }
    int16x8_t result = vqmovnbq_s32(vuninitializedq_s16(), requantized(p, low));
    result = vqmovntq_s32(result, requantized(p, high));
    result = vqaddq_n_s16(result, (int16_t)p->zero_point);
    result = vmaxq_s16(result, vdupq_n_s16((int16_t)p->act_min));
    return vminq_s16(result, vdupq_n_s16((int16_t)p->act_max));
}

static inline void add(const ep_add_s8_mve_params *p, const int8_t *x, const int8_t *y, int8_t *out, int is_even)
{
    int32_t rest = p->count;
    for (; rest >= LANES; rest -= LANES) {
        vstrbq_s16(out, sums(p, vldrbq_s16(x), vldrbq_s16(y), is_even));
        x += LANES;
        y += LANES;
        out += LANES;
    }
    const mve_pred16_t lanes = vctp16q((uint32_t)rest);
    vstrbq_p_s16(out, sums(p, vldrbq_z_s16(x, lanes), vldrbq_z_s16(y, lanes), is_even), lanes);
}

void ep_add_s8_mve(const ep_add_s8_mve_params *p, const int8_t *a, const int8_t *b, int8_t *out)
{
    const ep_add_s8_mve_params own = *p; /* bytes of `out` cannot change it: it stays in registers */
    const int8_t *x = own.x_is_second ? b : a;
    const int8_t *y = own.x_is_second ? a : b;
    if (own.shift_y == 0) {
        add(&own, x, y, out, 1);
    } else {
        add(&own, x, y, out, 0);
    }
}
