#include "ep_lstm_s16.h"

#include "ep_math64.h"

static int64_t dot(const int8_t *weights, const int16_t *values, int32_t count)
{
    int64_t acc = 0;
    for (int32_t i = 0; i < count; i++) {
        acc += weights[i] * values[i];
    }
    return acc;
}

/* The argument of a gate of one unit. */
static int32_t gate_sum(const ep_lstm_s16_params *p, int32_t gate, int32_t unit, const int16_t *in,
                        const int16_t *hidden)
{
    const int32_t inputs = p->shape.inputs;
    const int32_t units = p->shape.units;
    const int32_t at = gate * units + unit;
    const int64_t x = p->input_bias[at] + dot(p->input_weights + at * inputs, in, inputs);
    const int64_t h = dot(p->recurrent_weights + at * units, hidden, units);
    const int32_t of_x = ep_multiply_64(x, p->input_multiplier[gate], p->input_shift[gate]);
    const int32_t of_h = ep_multiply_64(h, p->recurrent_multiplier[gate], p->recurrent_shift[gate]);
    return ep_lstm_int16(ep_lstm_int16(of_x) + ep_lstm_int16(of_h));
}

void ep_lstm_s16(const ep_lstm_s16_params *p, const int16_t *in, int16_t *out, int16_t *hidden,
                 int16_t *cell)
{
    const int32_t units = p->shape.units;
    for (int32_t batch = 0; batch < p->shape.batches; batch++) {
        for (int32_t step = 0; step < p->shape.steps; step++) {
            const int32_t row = batch * p->shape.batch_stride + step * p->shape.step_stride;
            const int16_t *x = in + row * p->shape.inputs;
            int16_t *y = out + row * units;
            for (int32_t unit = 0; unit < units; unit++) {
                int32_t sums[4];
                for (int32_t gate = 0; gate < 4; gate++) {
                    sums[gate] = gate_sum(p, gate, unit, x, hidden);
                }
                const int32_t state = ep_lstm_unit(&p->cell, p->table, sums, cell + unit);
                y[unit] = (int16_t)ep_lstm_int16(state);
            }
            for (int32_t unit = 0; unit < units; unit++) { /* not before: all units read the old state */
                hidden[unit] = y[unit];
            }
        }
        hidden += units;
        cell += units;
    }
}
