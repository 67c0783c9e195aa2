#include "ep_zeros_x8.h"

void ep_zeros_x8(const ep_zeros_x8_params *p, void *out)
{
    uint8_t *bytes = out;
    for (int32_t i = 0; i < p->count; i++) {
        bytes[i] = 0u;
    }
}
