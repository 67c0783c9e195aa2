/* All channels of one or two pixels, whatever their number; see ep_dot_dsp.h for what a stream is. */
#ifndef EP_MATRIX_DSP_H
#define EP_MATRIX_DSP_H

#include <stdint.h>

#include "ep_dot_dsp.h"

typedef struct {
    const int32_t *stream;
    int32_t is_relu;       /* of the two kinds of streams */
    int32_t pairs;         /* of inputs, an even number */
    int32_t channels;      /* of outputs */
    int32_t computed;      /* channels that the stream has */
    const int16_t *places; /* of those among all channels; NULL: the stream has them all */
    const int8_t *outputs; /* of all channels, right where it is constant; with places only */
    int32_t act_min;
    int32_t act_max;
} ep_matrix;

/* x as ep_widen_two_dsp leaves it; the outputs of the second pixel follow those of the first. `results`:
 * with places, twice as many bytes as the stream has channels, padded ones included. */
void ep_matrix_two_dsp(const ep_matrix *m, const int16_t *x, int8_t *out, int8_t *results);

/* x as ep_widen_one_dsp leaves it. */
void ep_matrix_one_dsp(const ep_matrix *m, const int16_t *x, int8_t *out, int8_t *results);

#endif
