#include "ep_add_n_f32.h"

#include <stdarg.h>

void ep_add_n_f32(const ep_add_n_f32_params *p, ...)
{
    va_list all;
    va_start(all, p);
    for (int32_t i = 0; i < p->count; i++) {
        va_list arguments;
        va_copy(arguments, all);
        float sum = 0.0f;
        for (int32_t k = 0; k < p->inputs; k++) {
            const float *in = va_arg(arguments, const float *);
            sum += in[i];
        }
        float *out = va_arg(arguments, float *);
        out[i] = sum;
        va_end(arguments);
    }
    va_end(all);
}
