#include "ep_quantize_f32.h"

/* Beyond this, in either direction, every zero point gives the same clamped result. */
#define FAR 512.0f

/* Rounds half away from zero; far values are clamped first, as their conversion is not defined. */
static int32_t rounded(float steps)
{
    float near = 0.0f; /* NaN compares false with everything */
    if (steps >= -FAR && steps <= FAR) {
        near = steps;
    } else if (steps > FAR) {
        near = FAR;
    } else if (steps < -FAR) {
        near = -FAR;
    }
    const int32_t whole = (int32_t)near;
    const float rest = near - (float)whole; /* exact */
    if (rest >= 0.5f) {
        return whole + 1;
    }
    return rest <= -0.5f ? whole - 1 : whole;
}

void ep_quantize_f32(const ep_quantize_f32_params *p, const float *in, int8_t *out)
{
    for (int32_t i = 0; i < p->count; i++) {
        out[i] = (int8_t)ep_clamp(rounded(in[i] / p->scale) + p->zero_point, INT8_MIN, INT8_MAX);
    }
}
