#include "ep_quantize_f32_s16.h"

#include "ep_nearest_f32.h"

/* Beyond this, in either direction, every zero point gives the same clamped result. */
#define FAR 131072.0f

void ep_quantize_f32_s16(const ep_quantize_f32_s16_params *p, const float *in, int16_t *out)
{
    for (int32_t i = 0; i < p->count; i++) {
        const int32_t steps = ep_nearest_f32(in[i] / p->scale, FAR);
        out[i] = (int16_t)ep_clamp(steps + p->zero_point, INT16_MIN, INT16_MAX);
    }
}
