#include "ep_depthwise_conv2d_s8_mve.h"

#include "ep_columns_s8_mve.h"
#include "ep_math.h"
#include "ep_taps9_s8_mve.h"

enum { WINDOW = 3, LANES = 16 };

/* The input's row, of which there may be none, into its place among the three. */
static void copy_row(const ep_depthwise_conv2d_s8_mve_params *p, const int8_t *in, int32_t row, int8_t *to)
{
    const int32_t inside = ep_min(p->in_w, p->columns - p->pad_left) * p->channels;
    if (row >= 0 && row < p->in_h) {
        ep_columns_s8_mve_copy_row(to + p->pad_left * p->channels, in + row * p->in_w * p->channels, inside);
    } else {
        ep_columns_s8_mve_fill(to + p->pad_left * p->channels, 0, (int8_t)p->in_zero_point, 1, inside);
    }
}

/* `pixels` of `bytes` bytes each, `first` bytes behind the beginning of the rows and of the output. */
static void run(const ep_depthwise_conv2d_s8_mve_params *p, const int8_t *const rows[WINDOW], int32_t first,
                int32_t pixels, int32_t bytes, int32_t stride, int8_t *out)
{
    const int32_t past = (bytes + LANES - 1) / LANES * LANES;
    ep_taps9_s8_mve job = {
        .stream = p->stream,
        .out = out + first,
        .channels = bytes,
        .pixels = pixels,
        .in_step = stride * bytes - past,
        .out_step = bytes - past,
        .zero_point = p->zero_point,
        .act_min = p->act_min,
        .act_max = p->act_max,
        .code = p->code,
    };
    for (int32_t i = 0; i < WINDOW; i++) {
        for (int32_t k = 0; k < WINDOW; k++) {
            job.taps[i * WINDOW + k] = rows[i] + first + k * p->channels;
        }
    }
    ep_taps9_s8_mve_run(&job);
}

static void output_row(const ep_depthwise_conv2d_s8_mve_params *p, const int8_t *const rows[WINDOW], int8_t *out)
{
    if (!p->is_flat) {
        run(p, rows, 0, p->out_w, p->channels, p->stride_w, out);
        return;
    }
    const int32_t bytes = p->out_w * p->channels;
    const int32_t whole = bytes / LANES;
    if (whole > 0) {
        run(p, rows, 0, whole, LANES, 1, out);
    }
    if (whole * LANES < bytes) {
        run(p, rows, whole * LANES, 1, bytes - whole * LANES, 1, out);
    }
}

void ep_depthwise_conv2d_s8_mve(const ep_depthwise_conv2d_s8_mve_params *p, const int8_t *in, int8_t *out,
                                void *scratch)
{
    const int32_t row_bytes = p->columns * p->channels;
    int8_t *rows[WINDOW] = {scratch, (int8_t *)scratch + row_bytes, (int8_t *)scratch + 2 * row_bytes};
    ep_columns_s8_mve_fill(scratch, 0, (int8_t)p->in_zero_point, 1, WINDOW * row_bytes);
    int32_t next = -p->pad_top; /* the row to copy next, to rows[0] */
    for (int32_t y = 0; y < p->out_h; y++) {
        const int32_t top = y * p->stride_h - p->pad_top;
        next = ep_max(next, top);
        for (; next < top + WINDOW; next++) {
            copy_row(p, in, next, rows[0]);
            int8_t *const newest = rows[0];
            rows[0] = rows[1];
            rows[1] = rows[2];
            rows[2] = newest;
        }
        const int8_t *const seen[WINDOW] = {rows[0], rows[1], rows[2]};
        output_row(p, seen, out);
        out += p->out_w * p->channels;
    }
}
