#include "ep_reduce_extremum_f32.h"

static float extremum_of(const ep_reduce_extremum_f32_params *p, const float *in)
{
    float found = p->is_maximum ? -0x1.fffffep+127f : 0x1.fffffep+127f;
    int32_t at[EP_LOOPS] = {0};
    do {
        const float *row = in + ep_loop_offset(at, p->sum_strides);
        for (int32_t i = 0; i < p->sum_count; i++) {
            const float x = row[i * p->sum_step];
            found = (p->is_maximum ? x > found : x < found) ? x : found;
        }
    } while (ep_loop_next(at, p->sum_extents));
    return found;
}

void ep_reduce_extremum_f32(const ep_reduce_extremum_f32_params *p, const float *in, float *out)
{
    int32_t at[EP_LOOPS] = {0};
    do {
        const float *row = in + ep_loop_offset(at, p->kept_strides);
        for (int32_t i = 0; i < p->kept_count; i++) {
            *out++ = extremum_of(p, row + i * p->kept_step);
        }
    } while (ep_loop_next(at, p->kept_extents));
}
