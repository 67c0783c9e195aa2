#include "ep_quantize_f32.h"

#include "ep_nearest_f32.h"

/* Beyond this, in either direction, every zero point gives the same clamped result. */
#define FAR 512.0f

void ep_quantize_f32(const ep_quantize_f32_params *p, const float *in, int8_t *out)
{
    for (int32_t i = 0; i < p->count; i++) {
        out[i] = (int8_t)ep_clamp(ep_nearest_f32(in[i] / p->scale, FAR) + p->zero_point, INT8_MIN, INT8_MAX);
    }
}
