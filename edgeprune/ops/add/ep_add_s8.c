#include "ep_add_s8.h"

#define EXTRA_BITS 20

static int32_t scaled(int8_t value, int32_t zero_point, int32_t multiplier, int32_t shift)
{
    return ep_multiply((value - zero_point) * (1 << EXTRA_BITS), multiplier, shift);
}

void ep_add_s8(const ep_add_s8_params *p, const int8_t *a, const int8_t *b, int8_t *out)
{
    int32_t at[EP_LOOPS] = {0};
    do {
        const int8_t *x = a + ep_loop_offset(at, p->strides_a);
        const int8_t *y = b + ep_loop_offset(at, p->strides_b);
        for (int32_t i = 0; i < p->count; i++) {
            const int32_t left = scaled(x[i * p->step_a], p->zero_point_a, p->multiplier_a, p->shift_a);
            const int32_t right = scaled(y[i * p->step_b], p->zero_point_b, p->multiplier_b, p->shift_b);
            *out++ = ep_requantize(left + p->sign * right, p->multiplier, p->shift, p->zero_point,
                                   p->act_min, p->act_max);
        }
    } while (ep_loop_next(at, p->extents));
}
