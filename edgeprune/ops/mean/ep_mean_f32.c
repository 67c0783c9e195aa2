#include "ep_mean_f32.h"

static float sum_of(const ep_mean_f32_params *p, const float *in)
{
    float sum = 0.0f;
    int32_t at[EP_LOOPS] = {0};
    do {
        const float *row = in + ep_loop_offset(at, p->sum_strides);
        for (int32_t i = 0; i < p->sum_count; i++) {
            sum += row[i * p->sum_step];
        }
    } while (ep_loop_next(at, p->sum_extents));
    return sum;
}

void ep_mean_f32(const ep_mean_f32_params *p, const float *in, float *out)
{
    int32_t at[EP_LOOPS] = {0};
    do {
        const float *row = in + ep_loop_offset(at, p->kept_strides);
        for (int32_t i = 0; i < p->kept_count; i++) {
            *out++ = sum_of(p, row + i * p->kept_step) / p->divisor;
        }
    } while (ep_loop_next(at, p->kept_extents));
}
