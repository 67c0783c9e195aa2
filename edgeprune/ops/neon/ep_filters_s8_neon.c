#include "ep_filters_s8_neon.h"

enum { BLOCK = 4, PIXELS = 4, STEP = 16, HALF = 8 };

/* For each pixel and channel of a block, four parts of the sum. */
typedef int32x4_t sums[PIXELS][BLOCK];

EP_INLINE void add16(sums sum, const int8_t *in, const int64_t *apart, const int8_t *weights, const int pixels)
{
    int8x16_t x[PIXELS];
    EP_UNROLL for (int i = 0; i < pixels; i++) {
        x[i] = vld1q_s8(in + apart[i]);
    }
    EP_UNROLL for (int c = 0; c < BLOCK; c++) {
        const int8x16_t w = vld1q_s8(weights + STEP * c);
        EP_UNROLL for (int i = 0; i < pixels; i++) {
            const int16x8_t two = vmlal_high_s8(vmull_s8(vget_low_s8(x[i]), vget_low_s8(w)), x[i], w);
            sum[i][c] = vpadalq_s16(sum[i][c], two);
        }
    }
}

EP_INLINE void add8(sums sum, const int8_t *in, const int64_t *apart, const int8_t *weights, const int pixels)
{
    int8x8_t x[PIXELS];
    EP_UNROLL for (int i = 0; i < pixels; i++) {
        x[i] = vld1_s8(in + apart[i]);
    }
    EP_UNROLL for (int c = 0; c < BLOCK; c++) {
        const int8x8_t w = vld1_s8(weights + HALF * c);
        EP_UNROLL for (int i = 0; i < pixels; i++) {
            sum[i][c] = vpadalq_s16(sum[i][c], vmull_s8(x[i], w));
        }
    }
}

EP_INLINE void hide(sums sum, const int pixels)
{
    EP_UNROLL for (int i = 0; i < pixels; i++) {
        EP_UNROLL for (int c = 0; c < BLOCK; c++) {
            EP_HIDE_VECTOR(sum[i][c]);
        }
    }
}

/* All of one run of pixels that begin at in + apart[..]; gives the weights behind it. */
EP_INLINE const int8_t *add_run(sums sum, const int8_t *in, const int64_t *apart, const ep_filters_neon *f,
                                const int8_t *weights, const int pixels)
{
    const int8_t *const end = in + f->whole_bytes;
    const int8_t *const tail = in + f->tail_at;
    EP_ROLLED for (; in != end; in += STEP) {
        EP_HIDE(in); /* one register moves, not one for each pixel */
        add16(sum, in, apart, weights, pixels);
        weights += BLOCK * STEP;
    }
    if (f->tail == 0) {
        return weights;
    }
    if (f->tail <= 2) {
        add8(sum, tail, apart, weights, pixels);
        hide(sum, pixels);
        return weights + BLOCK * HALF;
    }
    add16(sum, tail, apart, weights, pixels);
    hide(sum, pixels);
    return weights + BLOCK * STEP;
}

EP_INLINE void finish(sums sum, const int8_t *factors, const ep_output_neon *o, int8_t *out, int64_t out_step,
                      int32_t channels, const int pixels, const int rounding)
{
    const int32_t *at = (const int32_t *)(const void *)factors;
    const int32x4_t multiplier = vld1q_s32(at);
    const int32x4_t shift = vld1q_s32(at + BLOCK);
    int32x4_t scaled[PIXELS];
    EP_UNROLL for (int i = 0; i < pixels; i++) {
        const int32x4_t low = vpaddq_s32(sum[i][0], sum[i][1]);
        const int32x4_t total = vpaddq_s32(low, vpaddq_s32(sum[i][2], sum[i][3]));
        scaled[i] = ep_scale_neon(total, multiplier, shift, rounding);
    }
    EP_UNROLL for (int i = 0; i < pixels; i += 2) { /* two pixels in a vector */
        const int8x8_t results = ep_narrow_neon(scaled[i], scaled[i + 1 < pixels ? i + 1 : i], o, rounding);
        int8_t *const to = out + i * out_step;
        if (channels >= BLOCK) {
            vst1_lane_s32((int32_t *)(void *)to, vreinterpret_s32_s8(results), 0);
            if (i + 1 < pixels) {
                vst1_lane_s32((int32_t *)(void *)(to + out_step), vreinterpret_s32_s8(results), 1);
            }
        } else {
            ep_store_neon(to, results, channels);
            if (i + 1 < pixels) {
                ep_store_neon(to + out_step, vext_s8(results, results, 4), channels);
            }
        }
    }
}

EP_INLINE void some_pixels(const ep_filters_neon *f, const int8_t *const *runs, int64_t offset, int64_t step,
                           int8_t *out, int64_t out_step, const int pixels)
{
    const int8_t *stream = f->packed;
    int64_t apart[PIXELS] = {0};
    EP_UNROLL for (int i = 1; i < pixels; i++) {
        apart[i] = i * step;
        EP_HIDE(apart[i]);
    }
    for (int32_t channels = f->channels; channels > 0; channels -= BLOCK) {
        const int32_t *bias = (const int32_t *)(const void *)stream;
        sums sum;
        EP_UNROLL for (int c = 0; c < BLOCK; c++) {
            const int32x4_t start = vsetq_lane_s32(bias[c], vdupq_n_s32(0), 0);
            EP_UNROLL for (int i = 0; i < pixels; i++) {
                sum[i][c] = start;
            }
        }
        stream += STEP;
        for (int32_t r = 0; r < f->runs; r++) {
            stream = add_run(sum, runs[r] + offset, apart, f, stream, pixels);
        }
        if (f->output.rounding == EP_POSITIVE) {
            finish(sum, stream, &f->output, out, out_step, channels, pixels, EP_POSITIVE);
        } else if (f->output.rounding == EP_RIGHT) {
            finish(sum, stream, &f->output, out, out_step, channels, pixels, EP_RIGHT);
        } else {
            finish(sum, stream, &f->output, out, out_step, channels, pixels, EP_ANY);
        }
        stream += 2 * STEP;
        out += BLOCK;
    }
}

#define SOME(pixels)                                                       \
    case pixels:                                                           \
        some_pixels(f, runs, offset, step, out, out_step, pixels);         \
        break;

void ep_filters_s8_neon(const ep_filters_neon *f, const int8_t *const *runs, int32_t step, int32_t count,
                        int8_t *out, int32_t out_step)
{
    int64_t offset = 0;
    for (; count > 0; count -= PIXELS) {
        switch (count) {
            SOME(1)
            SOME(2)
            SOME(3)
        default:
            some_pixels(f, runs, offset, step, out, out_step, PIXELS);
        }
        offset += PIXELS * (int64_t)step;
        out += PIXELS * (int64_t)out_step;
    }
}
