/* Blocks of four filters times one or two pixels: the core of convolutions and dense layers.
 *
 * A pixel's inputs are pairs of int16, a word each. A stream is what pack.py makes of the filters, for
 * each block of four: four words of biases, two words of weights for each pair of inputs, three words of
 * requantization for each filter. How the words are used is told in ep_dot_dsp.c and in pack.py.
 */
#ifndef EP_DOT_DSP_H
#define EP_DOT_DSP_H

#include <stdint.h>

/* Two pixels, whose pairs of inputs alternate in x; `blocks` >= 1, `pairs` >= 1.
 * Writes 4 * blocks outputs each to out0 and out1 and returns the end of the stream that was used. */
const int32_t *ep_dot_two_dsp(const int32_t *stream, const int16_t *x, int8_t *out0, int8_t *out1,
                              int32_t blocks, int32_t pairs);

/* One pixel; pairs is even. */
const int32_t *ep_dot_one_dsp(const int32_t *stream, const int16_t *x, int8_t *out, int32_t blocks,
                              int32_t pairs);

/* The same for streams in which all results below the zero point are clamped to it. */
const int32_t *ep_dot_two_relu_dsp(const int32_t *stream, const int16_t *x, int8_t *out0, int8_t *out1,
                                   int32_t blocks, int32_t pairs);
const int32_t *ep_dot_one_relu_dsp(const int32_t *stream, const int16_t *x, int8_t *out, int32_t blocks,
                                   int32_t pairs);

/* Widens 4 * words bytes to int16, in the order 0, 2, 1, 3 of each four; returns the end of `to`.
 * `from` needs no alignment. */
int16_t *ep_widen_one_dsp(int16_t *to, const int8_t *from, int32_t words);

/* The same of two pixels whose pairs alternate in `to`, for `runs` runs of words, words >= 1 unless
 * runs is 1; step0 and step1: from the end of a run to the next. */
int16_t *ep_widen_two_dsp(int16_t *to, const int8_t *from0, const int8_t *from1, int32_t words, int32_t runs,
                          int32_t step0, int32_t step1);

#endif
