#include "ep_svdf_f32.h"

/* The filter's feature of the input. */
static float feature(const ep_svdf_f32_params *p, int32_t filter, const float *in)
{
    const float *weights = p->feature_weights + filter * p->inputs;
    float acc = 0.0f;
    for (int32_t i = 0; i < p->inputs; i++) {
        acc += weights[i] * in[i];
    }
    return acc;
}

/* Forgets the oldest feature, adds the newest; returns the sum over time. */
static float remember(const ep_svdf_f32_params *p, int32_t filter, float newest, float *state)
{
    const float *weights = p->time_weights + filter * p->memory;
    float acc = 0.0f;
    for (int32_t i = 0; i < p->memory; i++) {
        state[i] = i + 1 < p->memory ? state[i + 1] : newest;
        acc += weights[i] * state[i];
    }
    return acc;
}

void ep_svdf_f32(const ep_svdf_f32_params *p, const float *in, float *out, float *state)
{
    for (int32_t batch = 0; batch < p->batches; batch++) {
        for (int32_t unit = 0; unit < p->units; unit++) {
            float acc = p->bias[unit];
            for (int32_t r = 0; r < p->rank; r++) {
                const int32_t filter = unit * p->rank + r;
                acc += remember(p, filter, feature(p, filter, in), state);
                state += p->memory;
            }
            if (p->is_lowered) {
                acc = acc < p->act_max ? acc : p->act_max;
            }
            if (p->is_raised) {
                acc = p->act_min > acc ? p->act_min : acc;
            }
            *out++ = acc;
        }
        in += p->inputs;
    }
}
