#include "ep_mean_s8_mve.h"

#include "ep_math.h"
#include "ep_sum8_mve.h"

enum { LANES = 8 };

/* ep_requantize on four sums. Halves of negative numbers go down, where it shifts right at all. */
static inline int32x4_t mean(const ep_mean_s8_mve_params *p, int32x4_t sum)
{
    const int32_t right = ep_min(p->shift, 0);
    const int32x4_t left = vshlq_r_s32(vsubq_n_s32(sum, p->offset), ep_max(p->shift, 0));
    const int32x4_t high = vqrdmulhq_n_s32(left, p->multiplier);
    const int32x4_t down = vshrq_n_s32(vandq_s32(high, vdupq_n_s32(right)), 31);
    const int32x4_t result = vaddq_n_s32(vrshlq_n_s32(vqaddq_s32(high, down), right), p->zero_point);
    return vminq_s32(vmaxq_s32(result, vdupq_n_s32(INT8_MIN)), vdupq_n_s32(INT8_MAX));
}

void ep_mean_s8_mve(const ep_mean_s8_mve_params *p, const int8_t *in, int8_t *out)
{
    for (int32_t c = 0; c < p->channels; c += LANES) {
        const mve_pred16_t lanes = vctp16q((uint32_t)(p->channels - c));
        int32x4_t even = vdupq_n_s32(0);
        int32x4_t odd = vdupq_n_s32(0);
        ep_sum8_mve(in + c, p->channels, p->pixels, lanes, &even, &odd);
        int16x8_t means = vmovnbq_s32(vuninitializedq_s16(), mean(p, even));
        means = vmovntq_s32(means, mean(p, odd));
        vstrbq_p_s16(out + c, means, lanes);
    }
}
