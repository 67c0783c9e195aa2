#include "ep_fully_connected_f32.h"

#include "ep_f32.h"

void ep_fully_connected_f32(const ep_fully_connected_f32_params *p, const float *in, const float *filter,
                            float *out)
{
    for (int32_t row = 0; row < p->rows; row++) {
        const float *weights = filter;
        for (int32_t c = 0; c < p->channels; c++) {
            float sum = 0.0f;
            for (int32_t i = 0; i < p->depth; i++) {
                sum += in[i] * weights[i];
            }
            weights += p->depth;
            *out++ = ep_clamp_f32(sum + p->bias[c], p->act_min, p->act_max);
        }
        in += p->depth;
    }
}
