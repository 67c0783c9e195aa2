#include "ep_copy_x8.h"

void ep_copy_x8(const ep_copy_x8_params *p, const void *in, void *out)
{
    const uint8_t *from = in;
    uint8_t *to = out;
    for (int32_t i = 0; i < p->size_bytes; i++) {
        to[i] = from[i];
    }
}
