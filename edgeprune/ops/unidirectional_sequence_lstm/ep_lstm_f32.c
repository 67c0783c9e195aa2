#include "ep_lstm_f32.h"

#include <float.h>

#include "ep_f32.h"
#include "ep_float_math.h"

static float finite(float x)
{
    return ep_clamp_f32(x, -FLT_MAX, FLT_MAX);
}

static float logistic(float x)
{
    if (x > 16.619047164916992188f) {
        return 1.0f;
    }
    return x < -9.0f ? ep_expf(x) : 1.0f / (1.0f + ep_expf(-x));
}

static float dot(const float *weights, const float *values, int32_t count)
{
    float total = 0.0f;
    for (int32_t i = 0; i < count; i++) {
        total += weights[i] * values[i];
    }
    return total;
}

/* The argument of a gate of one unit. */
static float gate_sum(const ep_lstm_f32_params *p, int32_t gate, int32_t unit, const float *in,
                      const float *hidden)
{
    const int32_t inputs = p->shape.inputs;
    const int32_t units = p->shape.units;
    const int32_t at = gate * units + unit;
    const float x = dot(p->input_weights + at * inputs, in, inputs) + p->bias[at];
    const float h = dot(p->recurrent_weights + at * units, hidden, units);
    return finite(x) + finite(h);
}

/* Changes a unit's cell state; returns its hidden state. */
static float unit_state(const ep_lstm_f32_params *p, int32_t unit, const float *in, const float *hidden,
                        float *cell)
{
    const float input = logistic(gate_sum(p, 0, unit, in, hidden));
    const float forget = logistic(gate_sum(p, 1, unit, in, hidden));
    const float fresh = ep_tanhf(gate_sum(p, 2, unit, in, hidden));
    const float output = logistic(gate_sum(p, 3, unit, in, hidden));
    float state = finite(forget * cell[unit]) + finite(input * fresh);
    if (p->cell_clip > 0.0f) {
        state = state < p->cell_clip ? state : p->cell_clip;
        state = state < -p->cell_clip ? -p->cell_clip : state;
    }
    cell[unit] = state;
    return finite(ep_tanhf(state) * output);
}

void ep_lstm_f32(const ep_lstm_f32_params *p, const float *in, float *out, float *hidden, float *cell)
{
    const int32_t units = p->shape.units;
    for (int32_t batch = 0; batch < p->shape.batches; batch++) {
        for (int32_t step = 0; step < p->shape.steps; step++) {
            const int32_t row = batch * p->shape.batch_stride + step * p->shape.step_stride;
            float *y = out + row * units;
            for (int32_t unit = 0; unit < units; unit++) {
                y[unit] = unit_state(p, unit, in + row * p->shape.inputs, hidden, cell);
            }
            for (int32_t unit = 0; unit < units; unit++) { /* not before: all units read the old state */
                hidden[unit] = y[unit];
            }
        }
        hidden += units;
        cell += units;
    }
}
