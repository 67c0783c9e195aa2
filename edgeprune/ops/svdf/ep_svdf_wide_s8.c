#include "ep_svdf_wide_s8.h"

#include "ep_math.h"

/* The filter's feature of the input, as the state keeps it. */
static int16_t feature(const ep_svdf_wide_s8_params *p, int32_t filter, const int8_t *in)
{
    const int8_t *weights = p->feature_weights + filter * p->inputs;
    int32_t acc = p->feature_bias[filter];
    for (int32_t i = 0; i < p->inputs; i++) {
        acc += weights[i] * in[i];
    }
    const int32_t scaled = ep_multiply(acc, p->feature_multiplier, p->feature_shift);
    return (int16_t)(uint16_t)(ep_clamp(scaled, INT16_MIN, INT16_MAX) + p->state_zero_point);
}

/* Forgets the oldest feature, adds the newest; returns the sum over time. */
static int32_t remember(const ep_svdf_wide_s8_params *p, int32_t filter, int16_t newest, int16_t *state)
{
    const int16_t *weights = p->time_weights + filter * p->memory;
    int32_t acc = 0;
    for (int32_t i = 0; i < p->memory; i++) {
        state[i] = i + 1 < p->memory ? state[i + 1] : newest;
        acc = ep_add_wrap(acc, weights[i] * (state[i] - p->state_zero_point));
    }
    return acc;
}

void ep_svdf_wide_s8(const ep_svdf_wide_s8_params *p, const int8_t *in, int8_t *out, int16_t *state)
{
    for (int32_t batch = 0; batch < p->batches; batch++) {
        for (int32_t unit = 0; unit < p->units; unit++) {
            int32_t acc = p->bias[unit];
            for (int32_t r = 0; r < p->rank; r++) {
                const int32_t filter = unit * p->rank + r;
                acc = ep_add_wrap(acc, remember(p, filter, feature(p, filter, in), state));
                state += p->memory;
            }
            *out++ = ep_requantize(acc, p->multiplier, p->shift, p->zero_point, INT8_MIN, INT8_MAX);
        }
        in += p->inputs;
    }
}
