#include "ep_dequantize_s16.h"

void ep_dequantize_s16(const ep_dequantize_s16_params *p, const int16_t *in, float *out)
{
    for (int32_t i = 0; i < p->count; i++) {
        out[i] = p->scale * (float)(in[i] - p->zero_point);
    }
}
