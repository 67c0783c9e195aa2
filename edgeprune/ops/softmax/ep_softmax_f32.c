#include "ep_softmax_f32.h"

#include "ep_float_math.h"

void ep_softmax_f32(const ep_softmax_f32_params *p, const float *in, float *out)
{
    for (int32_t row = 0; row < p->rows; row++) {
        float largest = -3.40282347e+38f;
        for (int32_t i = 0; i < p->depth; i++) {
            largest = largest < in[i] ? in[i] : largest;
        }
        float sum = 0.0f;
        for (int32_t i = 0; i < p->depth; i++) {
            const float exp = ep_expf((in[i] - largest) * p->beta);
            out[i] = exp;
            sum += exp;
        }
        for (int32_t i = 0; i < p->depth; i++) {
            out[i] = out[i] / sum;
        }
        in += p->depth;
        out += p->depth;
    }
}
