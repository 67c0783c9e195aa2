#include "ep_max_pool2d_s16.h"

#include "ep_math.h"

void ep_max_pool2d_s16(const ep_max_pool2d_s16_params *p, const int16_t *in, int16_t *out)
{
    const int32_t row_elements = p->in_w * p->channels;
    for (int32_t y = 0; y < p->out_h; y++) {
        const ep_span rows = ep_window_span(y, p->stride_h, p->pad_top, p->window_h, p->in_h);
        for (int32_t x = 0; x < p->out_w; x++) {
            const ep_span cols = ep_window_span(x, p->stride_w, p->pad_left, p->window_w, p->in_w);
            for (int32_t c = 0; c < p->channels; c++) {
                int32_t highest = INT16_MIN;
                for (int32_t r = rows.begin; r < rows.end; r++) {
                    const int16_t *at = in + r * row_elements + cols.begin * p->channels + c;
                    for (int32_t k = cols.begin; k < cols.end; k++) {
                        highest = ep_max(highest, *at);
                        at += p->channels;
                    }
                }
                *out++ = (int16_t)ep_clamp(highest, p->act_min, p->act_max);
            }
        }
    }
}
