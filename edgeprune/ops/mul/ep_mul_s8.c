#include "ep_mul_s8.h"

void ep_mul_s8(const ep_mul_s8_params *p, const int8_t *a, const int8_t *b, int8_t *out)
{
    int32_t at[EP_LOOPS] = {0};
    do {
        const int8_t *x = a + ep_loop_offset(at, p->strides_a);
        const int8_t *y = b + ep_loop_offset(at, p->strides_b);
        for (int32_t i = 0; i < p->count; i++) {
            const int32_t product = (x[i * p->step_a] - p->zero_point_a) * (y[i * p->step_b] - p->zero_point_b);
            *out++ = ep_requantize(product, p->multiplier, p->shift, p->zero_point, p->act_min, p->act_max);
        }
    } while (ep_loop_next(at, p->extents));
}
