#include "ep_fully_connected_s16.h"

#include "ep_math64.h"

void ep_fully_connected_s16(const ep_fully_connected_s16_params *p, const int16_t *in, const int8_t *filter,
                            int16_t *out)
{
    for (int32_t row = 0; row < p->rows; row++) {
        const int8_t *weights = filter;
        for (int32_t c = 0; c < p->channels; c++) {
            int64_t sum = p->bias[c];
            for (int32_t i = 0; i < p->depth; i++) {
                sum += in[i] * weights[i];
            }
            weights += p->depth;
            *out++ = ep_requantize_16(sum, p->multiplier[c], p->shift[c], p->is_64_bit, p->act_min, p->act_max);
        }
        in += p->depth;
    }
}
