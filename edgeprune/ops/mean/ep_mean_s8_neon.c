#include "ep_mean_s8_neon.h"

#include "ep_sum16_neon.h"

enum { LANES = 16 };

static int8x16_t sixteen_channels(const ep_mean_s8_neon_params *p, const int8_t *in)
{
    const int32x4_t offset = vdupq_n_s32(-p->offset);
    const int32x4_t multiplier = vdupq_n_s32(p->multiplier);
    const int32x4_t shift = vdupq_n_s32(p->shift);
    ep_sums_neon sums = {{offset, offset, offset, offset}};
    ep_sum16_neon(&sums, in, p->channels, p->pixels);
    EP_UNROLL for (int i = 0; i < 4; i++) {
        sums.of[i] = ep_scale_neon(sums.of[i], multiplier, shift, EP_ANY);
    }
    return ep_narrow16_neon(sums.of, &p->output, EP_ANY);
}

void ep_mean_s8_neon(const ep_mean_s8_neon_params *p, const int8_t *in, int8_t *out)
{
    /* The last channels end with the pixel: some are made twice, and must be there until then. */
    const int32_t last = p->channels - LANES;
    const int8x16_t end = sixteen_channels(p, in + last);
    for (int32_t c = 0; c < last; c += LANES) {
        vst1q_s8(out + c, sixteen_channels(p, in + c));
    }
    vst1q_s8(out + last, end);
}
