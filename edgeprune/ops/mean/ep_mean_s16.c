#include "ep_mean_s16.h"

static int32_t sum_of(const ep_mean_s16_params *p, const int16_t *in)
{
    int32_t sum = 0;
    int32_t at[EP_LOOPS] = {0};
    do {
        const int16_t *row = in + ep_loop_offset(at, p->sum_strides);
        for (int32_t i = 0; i < p->sum_count; i++) {
            sum += row[i * p->sum_step];
        }
    } while (ep_loop_next(at, p->sum_extents));
    return sum;
}

void ep_mean_s16(const ep_mean_s16_params *p, const int16_t *in, int16_t *out)
{
    int32_t at[EP_LOOPS] = {0};
    do {
        const int16_t *row = in + ep_loop_offset(at, p->kept_strides);
        for (int32_t i = 0; i < p->kept_count; i++) {
            const int32_t mean = ep_multiply(sum_of(p, row + i * p->kept_step), p->multiplier, p->shift);
            *out++ = (int16_t)ep_clamp(mean, INT16_MIN, INT16_MAX);
        }
    } while (ep_loop_next(at, p->kept_extents));
}
