#include "ep_log_softmax_f32.h"

#include "ep_float_math.h"

void ep_log_softmax_f32(const ep_log_softmax_f32_params *p, const float *in, float *out)
{
    for (int32_t row = 0; row < p->rows; row++) {
        float largest = -0x1.fffffep+127f;
        for (int32_t i = 0; i < p->depth; i++) {
            largest = largest < in[i] ? in[i] : largest;
        }
        float sum = 0.0f;
        for (int32_t i = 0; i < p->depth; i++) {
            sum += ep_expf(in[i] - largest);
        }
        const float log_sum = ep_logf(sum);
        for (int32_t i = 0; i < p->depth; i++) {
            out[i] = in[i] - largest - log_sum;
        }
        in += p->depth;
        out += p->depth;
    }
}
