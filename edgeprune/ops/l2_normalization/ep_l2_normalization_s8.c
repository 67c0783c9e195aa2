#include "ep_l2_normalization_s8.h"

#include "ep_gemmlowp.h"

void ep_l2_normalization_s8(const ep_l2_normalization_s8_params *p, const int8_t *in, int8_t *out)
{
    for (int32_t row = 0; row < p->rows; row++) {
        int32_t square = 0;
        for (int32_t i = 0; i < p->depth; i++) {
            const int32_t x = in[i] - p->zero_point;
            square += x * x;
        }
        const ep_factor inverse = ep_inverse_sqrt(square);
        for (int32_t i = 0; i < p->depth; i++) {
            const int32_t x = in[i] - p->zero_point;
            out[i] = ep_requantize(x, inverse.multiplier, inverse.shift + 7, 0, INT8_MIN, INT8_MAX);
        }
        in += p->depth;
        out += p->depth;
    }
}
