#include "ep_max_pool2d_f32.h"

#include "ep_f32.h"
#include "ep_math.h"

void ep_max_pool2d_f32(const ep_max_pool2d_f32_params *p, const float *in, float *out)
{
    const int32_t row_elements = p->in_w * p->channels;
    for (int32_t y = 0; y < p->out_h; y++) {
        const ep_span rows = ep_window_span(y, p->stride_h, p->pad_top, p->window_h, p->in_h);
        for (int32_t x = 0; x < p->out_w; x++) {
            const ep_span cols = ep_window_span(x, p->stride_w, p->pad_left, p->window_w, p->in_w);
            for (int32_t c = 0; c < p->channels; c++) {
                float highest = -3.40282347e+38f;
                for (int32_t r = rows.begin; r < rows.end; r++) {
                    const float *at = in + r * row_elements + cols.begin * p->channels + c;
                    for (int32_t k = cols.begin; k < cols.end; k++) {
                        highest = highest < *at ? *at : highest;
                        at += p->channels;
                    }
                }
                *out++ = ep_clamp_f32(highest, p->act_min, p->act_max);
            }
        }
    }
}
