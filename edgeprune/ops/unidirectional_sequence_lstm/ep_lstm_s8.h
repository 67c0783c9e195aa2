/* A layer of LSTM units over all steps of a sequence; activations and weights are int8. */
#ifndef EP_LSTM_S8_H
#define EP_LSTM_S8_H

#include "ep_lstm.h"

typedef struct {
    ep_lstm_shape shape;
    const int8_t *input_weights;     /* (4, units, inputs) */
    const int8_t *recurrent_weights; /* (4, units, units) */
    int32_t input_multiplier[4];     /* from sums to units of 2^-12, for each gate */
    int32_t input_shift[4];
    int32_t recurrent_multiplier[4];
    int32_t recurrent_shift[4];
    ep_lstm_cell cell;
    const uint16_t *table;         /* 256 values of the sigmoid */
    const int32_t *input_bias;     /* (4, units), zero points multiplied out */
    const int32_t *recurrent_bias; /* likewise */
} ep_lstm_s8_params;

/* in: (rows, inputs), out: (rows, units), hidden and cell: (batches, units), kept between runs */
void ep_lstm_s8(const ep_lstm_s8_params *p, const int8_t *in, int8_t *out, int8_t *hidden, int16_t *cell);

#endif
