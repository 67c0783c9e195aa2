#include "ep_conv2d_s8_mve.h"

#include <stddef.h>

#include "ep_columns_s8_mve.h"
#include "ep_expand_s8_mve.h"
#include "ep_math.h"
#include "ep_pixels_s8_mve.h"

/* Makes room for the channels that are not computed in `count` pixels. */
static void expand(const ep_conv2d_s8_mve_params *p, int32_t count, int8_t *out, int8_t *scratch)
{
    if (p->constants != NULL) {
        ep_expand_s8_mve_run(out, count, p->channels, p->out_channels, p->constants, p->live, scratch);
    }
}

/* 1 x 1: filters read the pixels where they are. */
static void run_in_place(const ep_conv2d_s8_mve_params *p, const ep_filters_s8_mve *filters, const int8_t *in,
                         int8_t *out, int8_t *scratch)
{
    const int32_t depth = p->in_channels;
    const int8_t *end = in + p->in_h * p->in_w * depth;
    /* The next row then lies where the next pixel would. */
    const int32_t is_one_row = p->stride_h * p->in_w == p->stride_w * p->out_w;
    const int32_t rows = is_one_row ? 1 : p->out_h;
    const int32_t count = is_one_row ? p->out_h * p->out_w : p->out_w;
    for (int32_t y = 0; y < rows; y++) {
        ep_pixels_s8_mve_run(filters, in, p->stride_w * depth, count, depth, end, out, scratch);
        expand(p, count, out, scratch);
        in += p->stride_h * p->in_w * depth;
        out += count * p->out_channels;
    }
}

/* Brings into the columns what the outputs of row y cover. Places outside of the image hold the zero
 * point from the beginning: what comes below the image overwrites rows, it is filled in again. */
static void copy_rows(const ep_conv2d_s8_mve_params *p, const int8_t *in, int32_t y, int8_t *columns)
{
    const int32_t depth = p->in_channels;
    const int32_t apart = p->window_h * depth;
    const int32_t inside = ep_min(p->in_w, p->columns - p->pad_left);
    int8_t *to = columns + p->pad_left * apart;
    int32_t row = y * p->stride_h - p->pad_top;
    for (int32_t r = 0; r < p->window_h; r++) {
        if (row >= p->in_h) {
            ep_columns_s8_mve_fill(to, apart, (int8_t)p->in_zero_point, inside, depth);
        } else if (row >= 0 && p->is_scattered) {
            ep_columns_s8_mve_scatter(to, apart, in + row * p->in_w * depth, inside, depth, p->places);
        } else if (row >= 0) {
            ep_columns_s8_mve_copy(to, apart, in + row * p->in_w * depth, inside, depth);
        }
        to += depth;
        row += p->dilation_h;
    }
}

void ep_conv2d_s8_mve(const ep_conv2d_s8_mve_params *p, const int8_t *in, int8_t *out, void *scratch)
{
    const ep_filters_s8_mve filters = {p->packed,  p->steps,   p->channels, p->zero_point,
                                       p->act_min, p->act_max, p->rounding};
    if (p->window_h * p->window_w == 1) {
        run_in_place(p, &filters, in, out, scratch);
        return;
    }
    const int32_t bytes = p->columns * p->window_h * p->in_channels;
    ep_columns_s8_mve_fill(scratch, bytes, (int8_t)p->in_zero_point, 1, bytes);
    for (int32_t y = 0; y < p->out_h; y++) {
        copy_rows(p, in, y, scratch);
        ep_filters_s8_mve_run(&filters, scratch, p->stride_w * p->window_h * p->in_channels, p->out_w, out);
        expand(p, p->out_w, out, (int8_t *)scratch + bytes);
        out += p->out_w * p->out_channels;
    }
}
