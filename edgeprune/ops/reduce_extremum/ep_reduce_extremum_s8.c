#include "ep_reduce_extremum_s8.h"

static int8_t extremum_of(const ep_reduce_extremum_s8_params *p, const int8_t *in)
{
    int8_t found = p->is_maximum ? INT8_MIN : INT8_MAX;
    int32_t at[EP_LOOPS] = {0};
    do {
        const int8_t *row = in + ep_loop_offset(at, p->sum_strides);
        for (int32_t i = 0; i < p->sum_count; i++) {
            const int8_t x = row[i * p->sum_step];
            found = (p->is_maximum ? x > found : x < found) ? x : found;
        }
    } while (ep_loop_next(at, p->sum_extents));
    return found;
}

void ep_reduce_extremum_s8(const ep_reduce_extremum_s8_params *p, const int8_t *in, int8_t *out)
{
    int32_t at[EP_LOOPS] = {0};
    do {
        const int8_t *row = in + ep_loop_offset(at, p->kept_strides);
        for (int32_t i = 0; i < p->kept_count; i++) {
            *out++ = extremum_of(p, row + i * p->kept_step);
        }
    } while (ep_loop_next(at, p->kept_extents));
}
