#include "ep_convolution_neon.h"

#include "ep_rows_neon.h"

enum { TOGETHER = 8 }; /* pixels whose patches and results are kept at the same time */

typedef struct {
    const ep_convolution_neon *p;
    ep_filters_run_neon *filters;
    const int8_t **runs; /* where the runs of the next pixel begin */
    int64_t step;        /* from a pixel to the next, in the runs */
    int8_t *patches;
    int8_t *needed;
    int8_t *results;
} job;

/* One piece of `bytes` bytes of each of `count` pixels. It is copied by 16 bytes: up to 15 more are read, and
 * written over what comes next in the patch, or over the room behind it. */
static inline void copy_pieces(const ep_convolution_neon *p, int8_t *to, const int8_t *from, int64_t step,
                               int64_t bytes, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        vst1q_s8(to, vld1q_s8(from));
        for (int64_t at = 16; at < bytes; at += 16) {
            vst1q_s8(to + at, vld1q_s8(from + at));
        }
        to += p->patch_step;
        from += step;
    }
}

/* The windows of `count` pixels, each in one piece. */
static void make_patches(const job *j, int32_t count)
{
    const ep_convolution_neon *p = j->p;
    const int64_t apart = (int64_t)p->dilation_w * p->in_channels;
    const int32_t pieces = p->dilation_w == 1 ? 1 : p->window_w;
    const int64_t bytes = p->dilation_w == 1 ? (int64_t)p->window_w * p->in_channels : p->in_channels;
    int8_t *to = j->patches;
    for (int32_t r = 0; r < p->window_h; r++) {
        for (int32_t k = 0; k < pieces; k++) {
            copy_pieces(p, to, j->runs[r] + k * apart, j->step, bytes, count);
            to += bytes;
        }
    }
}

/* Up to TOGETHER pixels, the first where the runs are now. */
static void some_pixels(const job *j, int32_t count, int8_t *out)
{
    const ep_convolution_neon *p = j->p;
    const int8_t *source = j->runs[0];
    const int8_t *const *runs = j->runs;
    int64_t step = j->step;
    if (p->needed.out_bytes != 0) {
        ep_collect_neon(&p->needed, runs, step, j->needed, count);
        source = j->needed;
        step = p->needed.out_bytes;
        runs = &source;
    } else if (p->source == EP_FROM_PATCHES) {
        make_patches(j, count);
        source = j->patches;
        step = p->patch_step;
        runs = &source;
    }
    if (p->spread.out_bytes == 0) {
        j->filters(&p->filters, runs, (int32_t)step, count, out, p->out_channels);
        return;
    }
    j->filters(&p->filters, runs, (int32_t)step, count, j->results, p->spread.in_bytes);
    ep_pick_neon(&p->spread, j->results, p->spread.in_bytes, out, p->out_channels, count);
}

/* One row of outputs; moves the runs. */
static void one_row(const job *j, int8_t *out)
{
    const ep_convolution_neon *p = j->p;
    if (p->source != EP_FROM_PATCHES && p->needed.out_bytes == 0 && p->spread.out_bytes == 0) {
        j->filters(&p->filters, j->runs, (int32_t)j->step, p->out_w, out, p->out_channels);
        return;
    }
    for (int32_t rest = p->out_w; rest > 0; rest -= TOGETHER) {
        some_pixels(j, rest < TOGETHER ? rest : TOGETHER, out);
        out += (int64_t)TOGETHER * p->out_channels;
        for (int32_t r = 0; r < p->window_h; r++) {
            j->runs[r] += TOGETHER * j->step;
        }
    }
}

static void from_image(const job *j, const int8_t *in, int8_t *out)
{
    const ep_convolution_neon *p = j->p;
    const int64_t row_bytes = (int64_t)p->stride_h * p->in_w * p->in_channels;
    for (int32_t y = 0; y < p->out_h; y++) {
        j->runs[0] = in + y * row_bytes;
        one_row(j, out);
        out += (int64_t)p->out_w * p->out_channels;
    }
}

static void from_rows(const job *j, ep_rows_neon *rows, int8_t *out)
{
    const ep_convolution_neon *p = j->p;
    ep_rows_neon_begin(rows);
    for (int32_t y = 0; y < p->out_h; y++) {
        const int32_t first = y * p->stride_h;
        ep_rows_neon_advance(rows, first + rows->slots);
        for (int32_t r = 0; r < p->window_h; r++) {
            j->runs[r] = ep_rows_neon_at(rows, first + r * p->dilation_h);
        }
        one_row(j, out);
        out += (int64_t)p->out_w * p->out_channels;
    }
}

void ep_convolution_neon_run(const ep_convolution_neon *p, ep_filters_run_neon *filters, const int8_t *in,
                             int8_t *out, void *scratch)
{
    int8_t *const bytes = scratch;
    const job j = {
        .p = p,
        .filters = filters,
        .runs = scratch,
        .step = (int64_t)p->stride_w * p->in_channels,
        .patches = bytes + p->patches_at,
        .needed = bytes + p->needed_at,
        .results = bytes + p->results_at,
    };
    if (p->source == EP_FROM_IMAGE) {
        from_image(&j, in, out);
        return;
    }
    ep_rows_neon rows = {
        .in = in,
        .in_h = p->in_h,
        .in_bytes = p->in_w * p->in_channels,
        .pad_top = p->pad_top,
        .left_bytes = p->pad_left * p->in_channels,
        .row_bytes = p->columns * p->in_channels,
        .slots = (p->window_h - 1) * p->dilation_h + 1,
        .zero_point = (int8_t)p->in_zero_point,
        .ring = bytes + p->ring_at,
    };
    from_rows(&j, &rows, out);
}
