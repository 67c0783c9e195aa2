#include "ep_filters_s8_dot.h"

enum { BLOCK = 8, PIXELS = 8, GROUP = 32 };

/* The sums of one block of channels for up to 8 pixels. */
typedef int32x4_t sums[PIXELS][2];

#define ADD_GROUP(lane)                                                             \
    {                                                                               \
        const int8x16_t low = vld1q_s8(weights + GROUP * (lane));                   \
        const int8x16_t high = vld1q_s8(weights + GROUP * (lane) + 16);             \
        EP_UNROLL for (int i = 0; i < pixels; i++) {                                \
            sum[i][0] = DOT(sum[i][0], low, x[i], lane);                            \
            sum[i][1] = DOT(sum[i][1], high, x[i], lane);                           \
        }                                                                           \
    }

#define DOT vdotq_laneq_s32
EP_INLINE void add16(sums sum, const int8_t *in, const int64_t *apart, const int8_t *weights, const int pixels)
{
    int8x16_t x[PIXELS];
    EP_UNROLL for (int i = 0; i < pixels; i++) {
        x[i] = vld1q_s8(in + apart[i]);
    }
    ADD_GROUP(0)
    ADD_GROUP(1)
    ADD_GROUP(2)
    ADD_GROUP(3)
}

/* The first three groups of sixteen. */
EP_INLINE void add12(sums sum, const int8_t *in, const int64_t *apart, const int8_t *weights, const int pixels)
{
    int8x16_t x[PIXELS];
    EP_UNROLL for (int i = 0; i < pixels; i++) {
        x[i] = vld1q_s8(in + apart[i]);
    }
    ADD_GROUP(0)
    ADD_GROUP(1)
    ADD_GROUP(2)
}
#undef DOT

/* One group or two. */
EP_INLINE void add8(sums sum, const int8_t *in, const int64_t *apart, const int8_t *weights, int32_t groups,
                    const int pixels)
{
    int8x8_t x[PIXELS];
    EP_UNROLL for (int i = 0; i < pixels; i++) {
        x[i] = vld1_s8(in + apart[i]);
    }
#define DOT vdotq_lane_s32
    ADD_GROUP(0)
    if (groups == 2) {
        ADD_GROUP(1)
    }
#undef DOT
}

/* All of one run of pixels that begin at in + apart[..]; gives the weights behind it. */
EP_INLINE const int8_t *add_run(sums sum, const int8_t *in, const int64_t *apart, const ep_filters_neon *f,
                                const int8_t *weights, const int pixels)
{
    const int8_t *const end = in + f->whole_bytes;
    const int8_t *const tail = in + f->tail_at;
    EP_ROLLED for (; in != end; in += 16) {
        EP_HIDE(in); /* one register moves, not one for each pixel */
        add16(sum, in, apart, weights, pixels);
        weights += 4 * GROUP;
    }
    if (f->tail == 0) {
        return weights;
    }
    if (f->tail <= 2) {
        add8(sum, tail, apart, weights, f->tail, pixels);
    } else if (f->tail == 3) {
        add12(sum, tail, apart, weights, pixels);
    } else {
        add16(sum, tail, apart, weights, pixels);
    }
    return weights + f->tail * GROUP;
}

EP_INLINE void finish(sums sum, const int8_t *factors, const ep_output_neon *o, int8_t *out, int64_t out_step,
                      int32_t channels, const int pixels, const int rounding)
{
    const int32_t *at = (const int32_t *)(const void *)factors;
    const int32x4_t multiplier[2] = {vld1q_s32(at), vld1q_s32(at + 4)};
    const int32x4_t shift[2] = {vld1q_s32(at + 8), vld1q_s32(at + 12)};
    int8x8_t results[PIXELS];
    EP_UNROLL for (int i = 0; i < pixels; i++) {
        const int32x4_t low = ep_scale_neon(sum[i][0], multiplier[0], shift[0], rounding);
        const int32x4_t high = ep_scale_neon(sum[i][1], multiplier[1], shift[1], rounding);
        results[i] = ep_narrow_neon(low, high, o, rounding);
    }
    if (channels >= BLOCK) {
        EP_UNROLL for (int i = 0; i < pixels; i++) {
            vst1_s8(out + i * out_step, results[i]);
        }
        return;
    }
    EP_UNROLL for (int i = 0; i < pixels; i++) {
        ep_store_neon(out + i * out_step, results[i], channels);
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
        const int32x4_t start[2] = {vld1q_s32(bias), vld1q_s32(bias + 4)};
        sums sum;
        EP_UNROLL for (int i = 0; i < pixels; i++) {
            sum[i][0] = start[0];
            sum[i][1] = start[1];
        }
        stream += GROUP;
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
        stream += 2 * GROUP;
        out += BLOCK;
    }
}

#define SOME(pixels)                                                       \
    case pixels:                                                           \
        some_pixels(f, runs, offset, step, out, out_step, pixels);         \
        break;

void ep_filters_s8_dot(const ep_filters_neon *f, const int8_t *const *runs, int32_t step, int32_t count,
                       int8_t *out, int32_t out_step)
{
    int64_t offset = 0;
    for (; count > 0; count -= PIXELS) {
        switch (count) {
            SOME(1)
            SOME(2)
            SOME(3)
            SOME(4)
            SOME(5)
            SOME(6)
            SOME(7)
        default:
            some_pixels(f, runs, offset, step, out, out_step, PIXELS);
        }
        offset += PIXELS * (int64_t)step;
        out += PIXELS * (int64_t)out_step;
    }
}
