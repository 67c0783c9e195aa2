/* What the LSTM kernels share. Gates are in the order input, forget, cell, output. */
#ifndef EP_LSTM_H
#define EP_LSTM_H

#include <stdint.h>

#include "ep_logistic_s16.h"
#include "ep_math.h"
#include "ep_tanh_s16.h"

/* The input's row of a batch and a step is batch * batch_stride + step * step_stride. */
typedef struct {
    int32_t batches;
    int32_t steps;
    int32_t inputs;
    int32_t units;
    int32_t batch_stride;
    int32_t step_stride;
} ep_lstm_shape;

/* From the gates' sums to the states, in integers. */
typedef struct {
    int32_t forget_multiplier; /* forget gate x cell state to cell state */
    int32_t forget_shift;
    int32_t update_multiplier; /* input gate x cell gate to cell state */
    int32_t update_shift;
    int32_t hidden_multiplier; /* output gate x tanh of cell state to hidden state */
    int32_t hidden_shift;
    int32_t zero_point; /* of the hidden state */
    int32_t clip;       /* of the cell state; 0: none */
    int32_t tanh_multiplier;
    int32_t tanh_shift;
} ep_lstm_cell;

static inline int32_t ep_lstm_int16(int32_t x)
{
    return ep_clamp(x, INT16_MIN, INT16_MAX);
}

static inline int32_t ep_lstm_logistic(const uint16_t *table, int32_t x)
{
    const ep_logistic_s16_params plain = {1, 3, 0, table};
    const int16_t in = (int16_t)x;
    int16_t out;
    ep_logistic_s16(&plain, &in, &out);
    return out;
}

static inline int32_t ep_lstm_tanh(const uint16_t *table, int32_t multiplier, int32_t shift, int32_t x)
{
    const ep_tanh_s16_params scaled = {1, multiplier, shift, table};
    const int16_t in = (int16_t)x;
    int16_t out;
    ep_tanh_s16(&scaled, &in, &out);
    return out;
}

/* Changes a unit's cell state; returns its hidden state, not yet clamped to its type. `sums` are the
 * gates' arguments, int16 in units of 2^-12. */
static inline int32_t ep_lstm_unit(const ep_lstm_cell *p, const uint16_t *table, const int32_t *sums,
                                   int16_t *cell)
{
    const int32_t input = ep_lstm_logistic(table, sums[0]);
    const int32_t forget = ep_lstm_logistic(table, sums[1]);
    const int32_t fresh = ep_lstm_tanh(table, 3, 0, sums[2]);
    const int32_t output = ep_lstm_logistic(table, sums[3]);
    const int32_t kept = ep_lstm_int16(ep_multiply(forget * *cell, p->forget_multiplier, p->forget_shift));
    const int32_t update = ep_lstm_int16(ep_multiply(input * fresh, p->update_multiplier, p->update_shift));
    int32_t state = ep_lstm_int16(kept + update);
    if (p->clip > 0) {
        state = ep_clamp(state, -p->clip, p->clip);
    }
    *cell = (int16_t)state;
    const int32_t bent = ep_lstm_tanh(table, p->tanh_multiplier, p->tanh_shift, state);
    return ep_add_wrap(ep_multiply(bent * output, p->hidden_multiplier, p->hidden_shift), p->zero_point);
}

#endif
