#include "ep_dequantize_u8.h"

void ep_dequantize_u8(const ep_dequantize_u8_params *p, const uint8_t *in, float *out)
{
    for (int32_t i = 0; i < p->count; i++) {
        out[i] = p->scale * (float)(in[i] - p->zero_point);
    }
}
