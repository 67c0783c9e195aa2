#include "ep_fully_connected_s8.h"

#include "ep_math.h"

/* filter_zero_point * the sum of a row's inputs: what every channel of that row must lose. */
static int32_t filter_offset(const ep_fully_connected_s8_params *p, const int8_t *in)
{
    int32_t sum = 0;
    if (p->filter_zero_point != 0) {
        for (int32_t i = 0; i < p->depth; i++) {
            sum += in[i];
        }
    }
    return sum * p->filter_zero_point;
}

void ep_fully_connected_s8(const ep_fully_connected_s8_params *p, const int8_t *in, const int8_t *filter,
                           int8_t *out)
{
    for (int32_t row = 0; row < p->rows; row++) {
        const int32_t offset = filter_offset(p, in);
        const int8_t *weights = filter;
        for (int32_t c = 0; c < p->channels; c++) {
            int32_t acc = p->bias[c] - offset;
            for (int32_t i = 0; i < p->depth; i++) {
                acc += in[i] * weights[i];
            }
            weights += p->depth;
            const int32_t factor = c * p->factor_step;
            *out++ = ep_requantize(acc, p->multiplier[factor], p->shift[factor], p->zero_point, p->act_min,
                                   p->act_max);
        }
        in += p->depth;
    }
}
