#include "ep_pack_x8.h"

#include <stdarg.h>

static void scatter(const ep_pack_x8_params *p, const uint8_t *from, uint8_t *to)
{
    for (int32_t row = 0; row < p->rows; row++) {
        for (int32_t i = 0; i < p->chunk_bytes; i++) {
            to[i] = *from++;
        }
        to += p->inputs * p->chunk_bytes;
    }
}

void ep_pack_x8(const ep_pack_x8_params *p, ...)
{
    va_list all;
    va_list inputs;
    va_start(all, p);
    va_copy(inputs, all);
    for (int32_t k = 0; k < p->inputs; k++) {
        (void)va_arg(all, const void *);
    }
    uint8_t *out = va_arg(all, void *);
    va_end(all);
    for (int32_t k = 0; k < p->inputs; k++) {
        scatter(p, va_arg(inputs, const void *), out + k * p->chunk_bytes);
    }
    va_end(inputs);
}
