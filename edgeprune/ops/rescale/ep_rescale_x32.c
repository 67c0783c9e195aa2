#include "ep_rescale_x32.h"

static int32_t load(const void *in, int32_t bytes, int32_t i)
{
    if (bytes == 1) {
        return ((const int8_t *)in)[i];
    }
    return bytes == 2 ? ((const int16_t *)in)[i] : ((const int32_t *)in)[i];
}

static void store(void *out, int32_t bytes, int32_t i, int32_t value)
{
    if (bytes == 1) {
        ((int8_t *)out)[i] = (int8_t)value;
    } else if (bytes == 2) {
        ((int16_t *)out)[i] = (int16_t)value;
    } else {
        ((int32_t *)out)[i] = value;
    }
}

void ep_rescale_x32(const ep_rescale_x32_params *p, const void *in, void *out)
{
    for (int32_t i = 0; i < p->count; i++) {
        const int32_t x = (int32_t)((uint32_t)load(in, p->in_bytes, i) - (uint32_t)p->in_zero_point);
        int32_t scaled;
        if (x >= 0) {
            scaled = ep_multiply(x, p->multiplier, p->shift);
        } else {
            scaled = ep_multiply(x, p->negative_multiplier, p->negative_shift);
            scaled = p->negative_sign < 0 ? (int32_t)(0u - (uint32_t)scaled) : scaled;
        }
        store(out, p->out_bytes, i, ep_clamp(ep_add_wrap(scaled, p->zero_point), p->low, p->high));
    }
}
