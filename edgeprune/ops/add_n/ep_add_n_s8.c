#include "ep_add_n_s8.h"

#include <stdarg.h>

#include "ep_widened.h"

void ep_add_n_s8(const ep_add_n_s8_params *p, ...)
{
    va_list all;
    va_start(all, p);
    for (int32_t i = 0; i < p->count; i++) {
        va_list arguments;
        va_copy(arguments, all);
        int32_t sum = ep_widened(0, p->in_zero_point);
        for (int32_t k = 0; k < p->inputs; k++) {
            const int8_t *in = va_arg(arguments, const int8_t *);
            sum = ep_add_wrap(sum, ep_widened(in[i], p->in_zero_point));
        }
        int8_t *out = va_arg(arguments, int8_t *);
        out[i] = ep_requantize(sum, p->multiplier, p->shift, p->zero_point, INT8_MIN, INT8_MAX);
        va_end(arguments);
    }
    va_end(all);
}
