#include "ep_depthwise_conv2d_s16.h"

#include "ep_math64.h"

/* One output channel on one position, whose first tap lies at (top, left), perhaps outside; `in` is at
 * the channel's input channel in the first pixel, `filter` at its first weight. */
static int64_t sum_of(const ep_depthwise_conv2d_s16_params *p, const int16_t *in, const int8_t *filter,
                    int32_t top, int32_t left, ep_span rows, ep_span cols)
{
    const int32_t channels = p->in_channels * p->depth_multiplier;
    int64_t sum = 0;
    for (int32_t r = rows.begin; r < rows.end; r++) {
        const int16_t *row = in + (top + r * p->dilation_h) * p->in_w * p->in_channels;
        const int8_t *weights = filter + r * p->window_w * channels;
        for (int32_t k = cols.begin; k < cols.end; k++) {
            sum += row[(left + k * p->dilation_w) * p->in_channels] * weights[k * channels];
        }
    }
    return sum;
}

void ep_depthwise_conv2d_s16(const ep_depthwise_conv2d_s16_params *p, const int16_t *in, const int8_t *filter,
                             int16_t *out)
{
    for (int32_t y = 0; y < p->out_h; y++) {
        const int32_t top = y * p->stride_h - p->pad_top;
        const ep_span rows = ep_tap_span(top, p->dilation_h, p->window_h, p->in_h);
        for (int32_t x = 0; x < p->out_w; x++) {
            const int32_t left = x * p->stride_w - p->pad_left;
            const ep_span cols = ep_tap_span(left, p->dilation_w, p->window_w, p->in_w);
            int32_t c = 0;
            for (int32_t in_channel = 0; in_channel < p->in_channels; in_channel++) {
                for (int32_t m = 0; m < p->depth_multiplier; m++) {
                    const int64_t sum = sum_of(p, in + in_channel, filter + c, top, left, rows, cols);
                    *out++ = ep_requantize_16(sum + p->bias[c], p->multiplier[c], p->shift[c], p->is_64_bit,
                                              p->act_min, p->act_max);
                    c++;
                }
            }
        }
    }
}
