#include "ep_conv2d_s16.h"

#include "ep_math64.h"

/* One filter on one position, whose first tap lies at (top, left), perhaps outside; `in` is at the
 * first channel of the filter's group. */
static int64_t sum_of(const ep_conv2d_s16_params *p, const int16_t *in, const int8_t *filter, int32_t top,
                      int32_t left, ep_span rows, ep_span cols)
{
    int64_t sum = 0;
    for (int32_t r = rows.begin; r < rows.end; r++) {
        for (int32_t k = cols.begin; k < cols.end; k++) {
            const int32_t y = top + r * p->dilation_h;
            const int32_t x = left + k * p->dilation_w;
            const int16_t *pixel = in + (y * p->in_w + x) * p->in_channels;
            const int8_t *weights = filter + (r * p->window_w + k) * p->group_channels;
            for (int32_t i = 0; i < p->group_channels; i++) {
                sum += pixel[i] * weights[i];
            }
        }
    }
    return sum;
}

void ep_conv2d_s16(const ep_conv2d_s16_params *p, const int16_t *in, const int8_t *filter, int16_t *out)
{
    const int32_t group_filters = p->out_channels / (p->in_channels / p->group_channels);
    const int32_t filter_weights = p->window_h * p->window_w * p->group_channels;
    for (int32_t y = 0; y < p->out_h; y++) {
        const int32_t top = y * p->stride_h - p->pad_top;
        const ep_span rows = ep_tap_span(top, p->dilation_h, p->window_h, p->in_h);
        for (int32_t x = 0; x < p->out_w; x++) {
            const int32_t left = x * p->stride_w - p->pad_left;
            const ep_span cols = ep_tap_span(left, p->dilation_w, p->window_w, p->in_w);
            for (int32_t c = 0; c < p->out_channels; c++) {
                const int16_t *group = in + c / group_filters * p->group_channels;
                const int64_t sum = sum_of(p, group, filter + c * filter_weights, top, left, rows, cols);
                *out++ = ep_requantize_16(sum + p->bias[c], p->multiplier[c], p->shift[c], p->is_64_bit,
                                          p->act_min, p->act_max);
            }
        }
    }
}
