#include "ep_lstm_s8.h"

static int32_t dot(const int8_t *weights, const int8_t *values, int32_t count, int32_t acc)
{
    for (int32_t i = 0; i < count; i++) {
        acc += weights[i] * values[i];
    }
    return acc;
}

/* The argument of a gate of one unit. */
static int32_t gate_sum(const ep_lstm_s8_params *p, int32_t gate, int32_t unit, const int8_t *in,
                        const int8_t *hidden)
{
    const int32_t inputs = p->shape.inputs;
    const int32_t units = p->shape.units;
    const int32_t at = gate * units + unit;
    const int32_t x = dot(p->input_weights + at * inputs, in, inputs, p->input_bias[at]);
    const int32_t h = dot(p->recurrent_weights + at * units, hidden, units, p->recurrent_bias[at]);
    const int32_t of_x = ep_multiply(x, p->input_multiplier[gate], p->input_shift[gate]);
    const int32_t of_h = ep_multiply(h, p->recurrent_multiplier[gate], p->recurrent_shift[gate]);
    return ep_lstm_int16(ep_lstm_int16(of_x) + ep_lstm_int16(of_h));
}

void ep_lstm_s8(const ep_lstm_s8_params *p, const int8_t *in, int8_t *out, int8_t *hidden, int16_t *cell)
{
    const int32_t units = p->shape.units;
    for (int32_t batch = 0; batch < p->shape.batches; batch++) {
        for (int32_t step = 0; step < p->shape.steps; step++) {
            const int32_t row = batch * p->shape.batch_stride + step * p->shape.step_stride;
            const int8_t *x = in + row * p->shape.inputs;
            int8_t *y = out + row * units;
            for (int32_t unit = 0; unit < units; unit++) {
                int32_t sums[4];
                for (int32_t gate = 0; gate < 4; gate++) {
                    sums[gate] = gate_sum(p, gate, unit, x, hidden);
                }
                const int32_t state = ep_lstm_unit(&p->cell, p->table, sums, cell + unit);
                y[unit] = (int8_t)ep_clamp(state, INT8_MIN, INT8_MAX);
            }
            for (int32_t unit = 0; unit < units; unit++) { /* not before: all units read the old state */
                hidden[unit] = y[unit];
            }
        }
        hidden += units;
        cell += units;
    }
}
