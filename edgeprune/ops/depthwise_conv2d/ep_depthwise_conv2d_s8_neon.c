#include "ep_depthwise_conv2d_s8_neon.h"

enum { SIDE = 3, TAPS = SIDE * SIDE, VECTORS = 4, LANES = 16 };

/* The sums of 16 channels. */
typedef struct {
    int32x4_t of[VECTORS];
} sums;

/* Adds products, 16 bits wide, of the lower and the upper eight channels. */
EP_INLINE void add_products(sums *s, int16x8_t low, int16x8_t high)
{
    s->of[0] = vaddw_s16(s->of[0], vget_low_s16(low));
    s->of[1] = vaddw_high_s16(s->of[1], low);
    s->of[2] = vaddw_s16(s->of[2], vget_low_s16(high));
    s->of[3] = vaddw_high_s16(s->of[3], high);
}

EP_INLINE void add_one(sums *s, int8x16_t x, int8x16_t w)
{
    add_products(s, vmull_s8(vget_low_s8(x), vget_low_s8(w)), vmull_high_s8(x, w));
}

EP_INLINE void add_two(sums *s, int8x16_t x, int8x16_t w, int8x16_t y, int8x16_t v)
{
    const int16x8_t low = vmlal_s8(vmull_s8(vget_low_s8(x), vget_low_s8(w)), vget_low_s8(y), vget_low_s8(v));
    add_products(s, low, vmlal_high_s8(vmull_high_s8(x, w), y, v));
}

EP_INLINE sums start(const int8_t *constants)
{
    const int32_t *bias = (const int32_t *)(const void *)constants;
    const sums s = {{vld1q_s32(bias), vld1q_s32(bias + 4), vld1q_s32(bias + 8), vld1q_s32(bias + 12)}};
    return s;
}

EP_INLINE int8x16_t result(const sums *s, const int8_t *constants, const ep_output_neon *o, const int rounding)
{
    const int32_t *at = (const int32_t *)(const void *)constants + LANES;
    int32x4_t scaled[VECTORS];
    EP_UNROLL for (int i = 0; i < VECTORS; i++) {
        scaled[i] = ep_scale_neon(s->of[i], vld1q_s32(at + 4 * i), vld1q_s32(at + LANES + 4 * i), rounding);
    }
    return ep_narrow16_neon(scaled, o, rounding);
}

/* A window of 3 x 3; x: the columns that it sees, three inputs each. */
EP_INLINE int8x16_t nine(const int8x16_t *x, const int8x16_t w[TAPS], const int8_t *constants,
                         const ep_output_neon *o, const int rounding)
{
    sums s = start(constants);
    EP_UNROLL for (int i = 0; i + 1 < TAPS; i += 2) {
        add_two(&s, x[i], w[i], x[i + 1], w[i + 1]);
    }
    add_one(&s, x[TAPS - 1], w[TAPS - 1]);
    return result(&s, constants, o, rounding);
}

EP_INLINE void load_column(int8x16_t x[SIDE], const int8_t *const rows[SIDE], int64_t at)
{
    EP_UNROLL for (int r = 0; r < SIDE; r++) {
        x[r] = vld1q_s8(rows[r] + at);
    }
}

typedef struct {
    int8x16_t w[TAPS];
    const int8_t *behind; /* the constants behind the weights */
} constants;

EP_INLINE int8x16_t nine_at(const int8_t *const rows[SIDE], int64_t at, int64_t tap, const constants *k,
                            const ep_output_neon *o, const int rounding)
{
    int8x16_t x[TAPS];
    EP_UNROLL for (int c = 0; c < SIDE; c++) {
        load_column(x + SIDE * c, rows, at + c * tap);
    }
    return nine(x, k->w, k->behind, o, rounding);
}

/* A row of windows of 3 x 3, two pixels at a time: where they are neighbours they share two columns. */
EP_INLINE void row_of_nines(const ep_depthwise_job_neon *job, const int8_t *const *pointers, int8_t *out,
                            const constants *k, const int are_neighbours, const int rounding)
{
    const ep_output_neon *o = &job->p->output;
    const int8_t *const rows[SIDE] = {pointers[0], pointers[1], pointers[2]};
    const int64_t tap = job->tap;
    int64_t at = job->first;
    int32_t x = 0;
    for (; x + 2 <= job->plain; x += 2) {
        int8x16_t seen[TAPS + SIDE];
        EP_UNROLL for (int c = 0; c < SIDE; c++) {
            load_column(seen + SIDE * c, rows, at + c * tap);
        }
        vst1q_s8(out, nine(seen, k->w, k->behind, o, rounding));
        at += job->step;
        out += job->out_step;
        if (are_neighbours) {
            load_column(seen + TAPS, rows, at + 2 * tap);
            vst1q_s8(out, nine(seen + SIDE, k->w, k->behind, o, rounding));
        } else {
            vst1q_s8(out, nine_at(rows, at, tap, k, o, rounding));
        }
        at += job->step;
        out += job->out_step;
    }
    for (; x < job->pixels; x++) {
        const int32_t count = x < job->plain ? LANES : x + 1 < job->pixels ? job->count : job->last_count;
        ep_store16_neon(out, nine_at(rows, at, tap, k, o, rounding), count);
        at += job->step;
        out += job->out_step;
    }
}

EP_INLINE void nines(const ep_depthwise_job_neon *job, const int are_neighbours, const int rounding)
{
    constants k;
    EP_UNROLL for (int i = 0; i < TAPS; i++) {
        k.w[i] = vld1q_s8(job->stream + LANES * i);
    }
    k.behind = job->stream + TAPS * LANES;
    for (int32_t i = 0; i < job->row_count; i++) {
        int8_t *const out = job->out + i * job->out_row;
        row_of_nines(job, job->rows + SIDE * i, out, &k, are_neighbours, rounding);
    }
}

/* Any window: what a pixel sees at `at` of the rows. */
EP_INLINE int8x16_t any(const ep_depthwise_job_neon *job, const int8_t *const *rows, int64_t at, const int rounding)
{
    const int32_t window_h = job->p->window_h;
    const int32_t taps = window_h * job->p->window_w;
    const int8_t *w = job->stream;
    sums s = start(w + (int64_t)taps * LANES);
    int32_t r = 0;
    int32_t rest = taps;
    for (; rest >= 2; rest -= 2) {
        const int8x16_t x = vld1q_s8(rows[r] + at);
        r++;
        if (r == window_h) {
            r = 0;
            at += job->tap;
        }
        const int8x16_t y = vld1q_s8(rows[r] + at);
        r++;
        if (r == window_h) {
            r = 0;
            at += job->tap;
        }
        add_two(&s, x, vld1q_s8(w), y, vld1q_s8(w + LANES));
        w += 2 * LANES;
    }
    if (rest > 0) {
        add_one(&s, vld1q_s8(rows[r] + at), vld1q_s8(w));
        w += LANES;
    }
    return result(&s, w, &job->p->output, rounding);
}

EP_INLINE void any_windows(const ep_depthwise_job_neon *job, const int rounding)
{
    const int8_t *const *rows = job->rows;
    for (int32_t i = 0; i < job->row_count; i++) {
        int8_t *out = job->out + i * job->out_row;
        for (int32_t x = 0; x < job->pixels; x++) {
            const int32_t count = x < job->plain ? LANES : x + 1 < job->pixels ? job->count : job->last_count;
            ep_store16_neon(out, any(job, rows, job->first + x * job->step, rounding), count);
            out += job->out_step;
        }
        rows += job->p->window_h;
    }
}

EP_INLINE void by_window(const ep_depthwise_job_neon *job, const int rounding)
{
    if (job->p->window_h != SIDE || job->p->window_w != SIDE) {
        any_windows(job, rounding);
    } else if (job->step == job->tap) {
        nines(job, 1, rounding);
    } else {
        nines(job, 0, rounding);
    }
}

static void some_rows(const ep_depthwise_job_neon *job)
{
    if (job->p->output.rounding == EP_POSITIVE) {
        by_window(job, EP_POSITIVE);
    } else if (job->p->output.rounding == EP_RIGHT) {
        by_window(job, EP_RIGHT);
    } else {
        by_window(job, EP_ANY);
    }
}

void ep_depthwise_conv2d_s8_neon(const ep_depthwise_conv2d_s8_neon_params *p, const int8_t *in, int8_t *out,
                                 void *scratch)
{
    const ep_depthwise_neon *d = &p->depthwise;
    const int32_t tile_bytes = (d->window_h * d->window_w + 3 * VECTORS) * LANES;
    ep_depthwise_neon_run(d, some_rows, tile_bytes, in, out, scratch);
}
