#include "ep_tanh_s16.h"

#define BITS 8

void ep_tanh_s16(const ep_tanh_s16_params *p, const int16_t *in, int16_t *out)
{
    for (int32_t i = 0; i < p->count; i++) {
        const int32_t x = ep_sigmoid16_argument(p, in[i]);
        const int32_t magnitude = x < 0 ? -x : x;
        int32_t y = 0xFFFF << BITS;
        if ((magnitude >> BITS) < 255) {
            y = ep_sigmoid16_between(p, magnitude, BITS);
        }
        y -= 1 << (15 + BITS); /* 1/2 */
        y = x >= 0 ? y + (1 << (BITS - 1)) : -y + (1 << (BITS - 1)) - 1;
        out[i] = (int16_t)(y >> BITS);
    }
}
