#include "ep_depthwise_conv2d_s8.h"

#include "ep_math.h"

/* The sum of one output channel, over the taps inside the image; the filter's first weight lies at
 * in[at] of that channel, perhaps outside. */
static int32_t channel(const ep_depthwise_conv2d_s8_params *p, const int8_t *in, int32_t at,
                       const int8_t *weights, ep_span rows, ep_span cols)
{
    const int32_t zero_point = p->in_zero_point;
    const int32_t in_step = p->dilation_w * p->in_channels;
    const int32_t in_row = p->dilation_h * p->in_w * p->in_channels;
    const int32_t channels = p->in_channels * p->depth_multiplier;
    const int32_t count = cols.end - cols.begin;
    int32_t sum = 0;
    for (int32_t r = rows.begin; r < rows.end; r++) {
        const int32_t in_first = at + r * in_row + cols.begin * in_step;
        const int32_t first = (r * p->window_w + cols.begin) * channels;
        for (int32_t k = 0; k < count; k++) {
            sum += (in[in_first + k * in_step] - zero_point) * weights[first + k * channels];
        }
    }
    return sum;
}

void ep_depthwise_conv2d_s8(const ep_depthwise_conv2d_s8_params *p, const int8_t *in, const int8_t *filter,
                            int8_t *out)
{
    for (int32_t y = 0; y < p->out_h; y++) {
        const int32_t top = y * p->stride_h - p->pad_top;
        const ep_span rows = ep_tap_span(top, p->dilation_h, p->window_h, p->in_h);
        for (int32_t x = 0; x < p->out_w; x++) {
            const int32_t left = x * p->stride_w - p->pad_left;
            const ep_span cols = ep_tap_span(left, p->dilation_w, p->window_w, p->in_w);
            const int32_t pixel = (top * p->in_w + left) * p->in_channels;
            int32_t c = 0;
            for (int32_t in_channel = 0; in_channel < p->in_channels; in_channel++) {
                for (int32_t m = 0; m < p->depth_multiplier; m++) {
                    const int32_t sum = channel(p, in, pixel + in_channel, filter + c, rows, cols);
                    *out++ = ep_requantize(p->bias[c] + sum, p->multiplier[c], p->shift[c], p->zero_point,
                                           p->act_min, p->act_max);
                    c++;
                }
            }
        }
    }
}
