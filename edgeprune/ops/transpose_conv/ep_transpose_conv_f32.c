#include "ep_transpose_conv_f32.h"

#include "ep_f32.h"
#include "ep_math.h"
#include "ep_reaching.h"

/* One filter on the inputs that reach (y, x), counted from the padding's begin. */
static float sum_of(const ep_transpose_conv_f32_params *p, const float *in, const float *filter, int32_t y,
                    int32_t x)
{
    const ep_span rows = ep_reaching(y, p->stride_h, p->window_h, p->in_h);
    const ep_span cols = ep_reaching(x, p->stride_w, p->window_w, p->in_w);
    float sum = 0.0f;
    for (int32_t r = rows.begin; r < rows.end; r++) {
        for (int32_t k = cols.begin; k < cols.end; k++) {
            const int32_t tap = (y - r * p->stride_h) * p->window_w + x - k * p->stride_w;
            const float *pixel = in + (r * p->in_w + k) * p->in_channels;
            const float *weights = filter + tap * p->in_channels;
            for (int32_t i = 0; i < p->in_channels; i++) {
                sum += pixel[i] * weights[i];
            }
        }
    }
    return sum;
}

void ep_transpose_conv_f32(const ep_transpose_conv_f32_params *p, const float *in, const float *filter,
                           float *out)
{
    const int32_t filter_weights = p->window_h * p->window_w * p->in_channels;
    for (int32_t y = p->pad_top; y < p->pad_top + p->out_h; y++) {
        for (int32_t x = p->pad_left; x < p->pad_left + p->out_w; x++) {
            for (int32_t c = 0; c < p->out_channels; c++) {
                const float sum = sum_of(p, in, filter + c * filter_weights, y, x);
                *out++ = ep_clamp_f32(sum + p->bias[c], p->act_min, p->act_max);
            }
        }
    }
}
