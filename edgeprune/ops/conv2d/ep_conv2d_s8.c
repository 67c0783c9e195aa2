#include "ep_conv2d_s8.h"

#include "ep_math.h"

static int32_t dot(const int8_t *a, const int8_t *b, int32_t count)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < count; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

static int32_t total(const int8_t *weights, int32_t count)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < count; i++) {
        sum += weights[i];
    }
    return sum;
}

/* One row of the filter, where columns cols.begin to cols.end lie inside the image; the filter's first
 * weight lies at in[at], perhaps outside. */
static int32_t row_inside(const ep_conv2d_s8_params *p, const int8_t *in, int32_t at, const int8_t *weights,
                          ep_span cols)
{
    const int32_t depth = p->group_channels;
    const int32_t step = p->dilation_w * p->in_channels;
    if (step == depth) { /* neighbours in the filter are neighbours in the image */
        const int32_t first = cols.begin * depth;
        return dot(in + (at + first), weights + first, (cols.end - cols.begin) * depth);
    }
    int32_t sum = 0;
    for (int32_t k = cols.begin; k < cols.end; k++) {
        sum += dot(in + (at + k * step), weights + k * depth, depth);
    }
    return sum;
}

/* The sum of the weights that lie outside the image. */
static int32_t weights_outside(const ep_conv2d_s8_params *p, const int8_t *weights, ep_span rows, ep_span cols)
{
    const int32_t row_weights = p->window_w * p->group_channels;
    const int32_t begin = cols.begin * p->group_channels;
    const int32_t end = cols.end * p->group_channels;
    int32_t sum = total(weights, rows.begin * row_weights);
    for (int32_t r = rows.begin; r < rows.end; r++) {
        const int8_t *row = weights + r * row_weights;
        sum += total(row, begin) + total(row + end, row_weights - end);
    }
    return sum + total(weights + rows.end * row_weights, (p->window_h - rows.end) * row_weights);
}

/* All output channels of one position, where the filter's first weight lies at (top, left). */
static void position(const ep_conv2d_s8_params *p, const int8_t *in, const int8_t *filter, int32_t top,
                     int32_t left, ep_span rows, ep_span cols, int8_t *out)
{
    const int32_t filter_weights = p->window_h * p->window_w * p->group_channels;
    const int32_t row_weights = p->window_w * p->group_channels;
    const int32_t group_filters = p->out_channels / (p->in_channels / p->group_channels);
    const int is_cut = rows.begin > 0 || rows.end < p->window_h || cols.begin > 0 || cols.end < p->window_w;
    for (int32_t c = 0; c < p->out_channels; c++) {
        const int8_t *weights = filter + c * filter_weights;
        const int32_t first_channel = c / group_filters * p->group_channels;
        int32_t acc = p->bias[c];
        for (int32_t r = rows.begin; r < rows.end; r++) {
            const int32_t pixel = (top + r * p->dilation_h) * p->in_w + left;
            const int32_t at = pixel * p->in_channels + first_channel;
            acc += row_inside(p, in, at, weights + r * row_weights, cols);
        }
        if (is_cut) {
            acc += p->in_zero_point * weights_outside(p, weights, rows, cols);
        }
        out[c] = ep_requantize(acc, p->multiplier[c], p->shift[c], p->zero_point, p->act_min, p->act_max);
    }
}

void ep_conv2d_s8(const ep_conv2d_s8_params *p, const int8_t *in, const int8_t *filter, int8_t *out)
{
    for (int32_t y = 0; y < p->out_h; y++) {
        const int32_t top = y * p->stride_h - p->pad_top;
        const ep_span rows = ep_tap_span(top, p->dilation_h, p->window_h, p->in_h);
        for (int32_t x = 0; x < p->out_w; x++) {
            const int32_t left = x * p->stride_w - p->pad_left;
            const ep_span cols = ep_tap_span(left, p->dilation_w, p->window_w, p->in_w);
            position(p, in, filter, top, left, rows, cols, out);
            out += p->out_channels;
        }
    }
}
