#include "ep_split_x8.h"

#include <stdarg.h>

void ep_split_x8(const ep_split_x8_params *p, const void *in, ...)
{
    const uint8_t *chunk = in;
    va_list outputs;
    va_start(outputs, in);
    for (int32_t k = 0; k < p->outputs; k++) {
        uint8_t *to = va_arg(outputs, void *);
        const uint8_t *from = chunk;
        for (int32_t row = 0; row < p->rows; row++) {
            for (int32_t i = 0; i < p->chunk_bytes[k]; i++) {
                *to++ = from[i];
            }
            from += p->row_bytes;
        }
        chunk += p->chunk_bytes[k];
    }
    va_end(outputs);
}
