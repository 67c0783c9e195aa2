/* A layer of LSTM units over all steps of a sequence, in float. */
#ifndef EP_LSTM_F32_H
#define EP_LSTM_F32_H

#include "ep_lstm.h"

typedef struct {
    ep_lstm_shape shape;
    const float *input_weights;     /* (4, units, inputs) */
    const float *recurrent_weights; /* (4, units, units) */
    const float *bias;              /* (4, units) */
    float cell_clip;                /* 0: none */
} ep_lstm_f32_params;

/* in: (rows, inputs), out: (rows, units), hidden and cell: (batches, units), kept between runs */
void ep_lstm_f32(const ep_lstm_f32_params *p, const float *in, float *out, float *hidden, float *cell);

#endif
