#include "ep_avg_pool2d_s8_mve.h"

#include "ep_math.h"
#include "ep_sum8_mve.h"

enum { LANES = 8 };

/* What a window sees of the image, and how its sums become means. */
typedef struct {
    const int8_t *in;
    int32_t rows;
    int32_t row_step; /* bytes */
    int32_t cols;
    int32_t channels;
    int32_t half;     /* of the window's elements */
    uint32_t inverse; /* 2^32 / elements, rounded up */
    int32_t act_min;
    int32_t act_max;
} window;

/* sum / elements, halves away from zero. With n = |sum| + half, which is less than 129 * elements, n *
 * inverse / 2^32 exceeds n / elements by less than 1 / elements as long as 129 * elements^2 < 2^32.
 * For one element, where 2^32 is too large, half is 1 and the inverse 2^32 - 1. */
static inline int32x4_t mean(const window *w, int32x4_t sum)
{
    const uint32x4_t size = vaddq_n_u32(vreinterpretq_u32_s32(vabsq_s32(sum)), (uint32_t)w->half);
    const int32x4_t quotient = vreinterpretq_s32_u32(vmulhq_u32(size, vdupq_n_u32(w->inverse)));
    const int32x4_t sign = vshrq_n_s32(sum, 31);
    const int32x4_t result = vsubq_s32(veorq_s32(quotient, sign), sign);
    return vminq_s32(vmaxq_s32(result, vdupq_n_s32(w->act_min)), vdupq_n_s32(w->act_max));
}

/* Channels from `first` on, those of `lanes`. */
static inline void eight_channels(const window *w, int32_t first, mve_pred16_t lanes, int8_t *out)
{
    int32x4_t even = vdupq_n_s32(0);
    int32x4_t odd = vdupq_n_s32(0);
    for (int32_t r = 0; r < w->rows; r++) {
        ep_sum8_mve(w->in + r * w->row_step + first, w->channels, w->cols, lanes, &even, &odd);
    }
    int16x8_t means = vmovnbq_s32(vuninitializedq_s16(), mean(w, even));
    means = vmovntq_s32(means, mean(w, odd));
    vstrbq_p_s16(out + first, means, lanes);
}

static void one_window(const ep_avg_pool2d_s8_mve_params *p, const int8_t *in, ep_span rows, ep_span cols,
                       int8_t *out)
{
    const int32_t count = (rows.end - rows.begin) * (cols.end - cols.begin);
    window w = {
        .in = in + (rows.begin * p->in_w + cols.begin) * p->channels,
        .rows = rows.end - rows.begin,
        .row_step = p->in_w * p->channels,
        .cols = cols.end - cols.begin,
        .channels = p->channels,
        .half = count > 1 ? count / 2 : 1,
        .inverse = count > 1 ? UINT32_MAX / (uint32_t)count + 1u : UINT32_MAX,
        .act_min = p->act_min,
        .act_max = p->act_max,
    };
    if (w.cols == p->in_w) { /* whole rows are one long one */
        w.cols = count;
        w.rows = 1;
    }
    for (int32_t c = 0; c < p->channels; c += LANES) {
        eight_channels(&w, c, vctp16q((uint32_t)(p->channels - c)), out);
    }
}

void ep_avg_pool2d_s8_mve(const ep_avg_pool2d_s8_mve_params *p, const int8_t *in, int8_t *out)
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
