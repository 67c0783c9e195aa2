/* Sums of 16 channels over pixels, for NEON. */
#ifndef EP_SUM16_NEON_H
#define EP_SUM16_NEON_H

#include "ep_requantize_neon.h"

enum { EP_SUM16_TERMS = 256 }; /* so many int8 fit 16 bits together */

typedef struct {
    int32x4_t of[4];
} ep_sums_neon;

/* Adds the channels of `count` pixels, `step` bytes apart. */
EP_INLINE void ep_sum16_neon(ep_sums_neon *sums, const int8_t *at, int64_t step, int32_t count)
{
    while (count > 0) {
        const int32_t some = count < EP_SUM16_TERMS ? count : EP_SUM16_TERMS;
        int16x8_t low = vdupq_n_s16(0);
        int16x8_t high = vdupq_n_s16(0);
        int32_t i = some;
        for (; i >= 2; i -= 2) {
            const int8x16_t x = vld1q_s8(at);
            const int8x16_t y = vld1q_s8(at + step);
            low = vaddw_s8(vaddw_s8(low, vget_low_s8(x)), vget_low_s8(y));
            high = vaddw_high_s8(vaddw_high_s8(high, x), y);
            at += 2 * step;
        }
        if (i > 0) {
            const int8x16_t x = vld1q_s8(at);
            low = vaddw_s8(low, vget_low_s8(x));
            high = vaddw_high_s8(high, x);
            at += step;
        }
        sums->of[0] = vaddw_s16(sums->of[0], vget_low_s16(low));
        sums->of[1] = vaddw_high_s16(sums->of[1], low);
        sums->of[2] = vaddw_s16(sums->of[2], vget_low_s16(high));
        sums->of[3] = vaddw_high_s16(sums->of[3], high);
        count -= some;
    }
}

#endif
