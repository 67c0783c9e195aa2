#include "ep_logistic_s16.h"

#define BITS 9

void ep_logistic_s16(const ep_logistic_s16_params *p, const int16_t *in, int16_t *out)
{
    for (int32_t i = 0; i < p->count; i++) {
        const int32_t x = ep_sigmoid16_argument(p, in[i]);
        const int32_t magnitude = x < 0 ? -x : x;
        int32_t y = 0x7FFF << (BITS + 1);
        if ((magnitude >> BITS) < 255) {
            y = ep_sigmoid16_between(p, magnitude, BITS);
        }
        y = x >= 0 ? y + (1 << BITS) : (1 << (16 + BITS)) - y + (1 << BITS) - 1;
        out[i] = (int16_t)(y >> (BITS + 1));
    }
}
