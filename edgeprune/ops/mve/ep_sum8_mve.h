/* Sums of eight channels over pixels, for Helium. */
#ifndef EP_SUM8_MVE_H
#define EP_SUM8_MVE_H

#include <arm_mve.h>

enum { EP_SUM8_TERMS = 255 }; /* so many int8 fit 16 bits together */

/* Adds the channels of `lanes` of `count` pixels, `step` bytes apart, to the sums of even and odd channels. */
static inline void ep_sum8_mve(const int8_t *at, int32_t step, int32_t count, mve_pred16_t lanes,
                               int32x4_t *even, int32x4_t *odd)
{
    for (int32_t rest = count; rest > 0; rest -= EP_SUM8_TERMS) {
        int16x8_t sum = vdupq_n_s16(0);
        for (int32_t i = rest < EP_SUM8_TERMS ? rest : EP_SUM8_TERMS; i > 0; i--) {
            sum = vaddq_s16(sum, vldrbq_z_s16(at, lanes));
            at += step;
        }
        *even = vaddq_s32(*even, vmovlbq_s16(sum));
        *odd = vaddq_s32(*odd, vmovltq_s16(sum));
    }
}

#endif
