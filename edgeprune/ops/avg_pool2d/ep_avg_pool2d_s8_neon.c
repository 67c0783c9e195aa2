#include "ep_avg_pool2d_s8_neon.h"

#include "ep_math.h"
#include "ep_sum16_neon.h"

enum { LANES = 16 };

/* What a window sees of the image, and how its sums become means. */
typedef struct {
    const int8_t *in;
    int32_t rows;
    int64_t row_step; /* bytes */
    int32_t cols;
    int32_t channels;
    int32_t half;     /* of the window's elements */
    uint32_t inverse; /* 2^32 / elements, rounded up */
    int8_t act_min;
    int8_t act_max;
} window;

/* sum / elements, halves away from zero. With n = |sum| + half, which is less than 129 * elements, n *
 * inverse / 2^32 exceeds n / elements by less than 1 / elements as long as 129 * elements^2 < 2^32.
 * For one element, where 2^32 is too large, half is 1 and the inverse 2^32 - 1. */
EP_INLINE int32x4_t mean(const window *w, int32x4_t sum)
{
    const uint32x4_t size = vaddq_u32(vreinterpretq_u32_s32(vabsq_s32(sum)), vdupq_n_u32((uint32_t)w->half));
    const uint32x4_t inverse = vdupq_n_u32(w->inverse);
    const uint64x2_t low = vmull_u32(vget_low_u32(size), vget_low_u32(inverse));
    const uint64x2_t high = vmull_high_u32(size, inverse);
    const int32x4_t quotient = vreinterpretq_s32_u32(vshrn_high_n_u64(vshrn_n_u64(low, 32), high, 32));
    const int32x4_t sign = vshrq_n_s32(sum, 31);
    return vsubq_s32(veorq_s32(quotient, sign), sign);
}

EP_INLINE int8x16_t sixteen_channels(const window *w, int32_t first)
{
    ep_sums_neon sums = {{vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0)}};
    for (int32_t r = 0; r < w->rows; r++) {
        ep_sum16_neon(&sums, w->in + r * w->row_step + first, w->channels, w->cols);
    }
    const int16x8_t low = vmovn_high_s32(vmovn_s32(mean(w, sums.of[0])), mean(w, sums.of[1]));
    const int16x8_t high = vmovn_high_s32(vmovn_s32(mean(w, sums.of[2])), mean(w, sums.of[3]));
    const int8x16_t means = vmovn_high_s16(vmovn_s16(low), high);
    return vminq_s8(vmaxq_s8(means, vdupq_n_s8(w->act_min)), vdupq_n_s8(w->act_max));
}

static void one_window(const ep_avg_pool2d_s8_neon_params *p, const int8_t *in, ep_span rows, ep_span cols,
                       int8_t *out)
{
    const int32_t count = (rows.end - rows.begin) * (cols.end - cols.begin);
    window w = {
        .in = in + (rows.begin * p->in_w + cols.begin) * p->channels,
        .rows = rows.end - rows.begin,
        .row_step = (int64_t)p->in_w * p->channels,
        .cols = cols.end - cols.begin,
        .channels = p->channels,
        .half = count > 1 ? count / 2 : 1,
        .inverse = count > 1 ? UINT32_MAX / (uint32_t)count + 1u : UINT32_MAX,
        .act_min = (int8_t)p->act_min,
        .act_max = (int8_t)p->act_max,
    };
    if (w.cols == p->in_w) { /* whole rows are one long one */
        w.cols = count;
        w.rows = 1;
    }
    /* The last channels end with the pixel: some are made twice, and must be there until then. */
    const int32_t last = p->channels - LANES;
    const int8x16_t end = sixteen_channels(&w, last);
    for (int32_t c = 0; c < last; c += LANES) {
        vst1q_s8(out + c, sixteen_channels(&w, c));
    }
    vst1q_s8(out + last, end);
}

void ep_avg_pool2d_s8_neon(const ep_avg_pool2d_s8_neon_params *p, const int8_t *in, int8_t *out)
{
    for (int32_t y = 0; y < p->out_h; y++) {
        const ep_span rows = ep_window_span(y, p->stride_h, p->pad_top, p->window_h, p->in_h);
        for (int32_t x = 0; x < p->out_w; x++) {
            const ep_span cols = ep_window_span(x, p->stride_w, p->pad_left, p->window_w, p->in_w);
            one_window(p, in, rows, cols, out);
            out += p->channels;
        }
    }
}
