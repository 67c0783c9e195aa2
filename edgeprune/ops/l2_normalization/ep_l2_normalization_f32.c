#include "ep_l2_normalization_f32.h"

#include "ep_float_math.h"

void ep_l2_normalization_f32(const ep_l2_normalization_f32_params *p, const float *in, float *out)
{
    for (int32_t row = 0; row < p->rows; row++) {
        float square = 0.0f;
        for (int32_t i = 0; i < p->depth; i++) {
            square += in[i] * in[i];
        }
        const float root = ep_sqrtf(square);
        const float length = root < 1e-6f ? 1e-6f : root;
        for (int32_t i = 0; i < p->depth; i++) {
            out[i] = in[i] / length;
        }
        in += p->depth;
        out += p->depth;
    }
}
