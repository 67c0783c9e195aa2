#include "ep_mean_s8.h"

static int32_t sum_of(const ep_mean_s8_params *p, const int8_t *in)
{
    int32_t sum = 0;
    int32_t at[EP_LOOPS] = {0};
    do {
        const int8_t *row = in + ep_loop_offset(at, p->sum_strides);
        for (int32_t i = 0; i < p->sum_count; i++) {
            sum += row[i * p->sum_step];
        }
    } while (ep_loop_next(at, p->sum_extents));
    return sum;
}

void ep_mean_s8(const ep_mean_s8_params *p, const int8_t *in, int8_t *out)
{
    int32_t at[EP_LOOPS] = {0};
    do {
        const int8_t *row = in + ep_loop_offset(at, p->kept_strides);
        for (int32_t i = 0; i < p->kept_count; i++) {
            const int32_t sum = sum_of(p, row + i * p->kept_step) - p->offset;
            *out++ = ep_requantize(sum, p->multiplier, p->shift, p->zero_point, -128, 127);
        }
    } while (ep_loop_next(at, p->kept_extents));
}
