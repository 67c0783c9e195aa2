#include "ep_cumsum_s8.h"

#include "ep_widened.h"

static void line(const ep_cumsum_s8_params *p, const int8_t *in, int8_t *out)
{
    int32_t sum = ep_widened(0, p->in_zero_point);
    for (int32_t i = 0; i < p->extent; i++) {
        const int32_t at = (p->reverse ? p->extent - 1 - i : i) * p->after;
        const int32_t next = ep_add_wrap(sum, ep_widened(in[at], p->in_zero_point));
        const int32_t result = p->exclusive ? sum : next;
        out[at] = ep_requantize(result, p->multiplier, p->shift, p->zero_point, INT8_MIN, INT8_MAX);
        sum = next;
    }
}

void ep_cumsum_s8(const ep_cumsum_s8_params *p, const int8_t *in, int8_t *out)
{
    for (int32_t b = 0; b < p->before; b++) {
        const int32_t first = b * p->extent * p->after;
        for (int32_t a = 0; a < p->after; a++) {
            line(p, in + first + a, out + first + a);
        }
    }
}
