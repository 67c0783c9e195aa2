/* Winograd's F(2x2, 3x3) on integers: the three stages, for two tiles of 2 x 2 outputs side by side.
 *
 * Of each of 4 x 4 frequencies, i down and j across, number 4 * i + j, an input holds pairs of int16 for
 * the channels (4q, 4q + 2) and (4q + 1, 4q + 3) of each quad q. How filters become a stream is told in
 * conv2d/winograd.py.
 */
#ifndef EP_WINOGRAD_DSP_H
#define EP_WINOGRAD_DSP_H

#include <stdint.h>

/* Transforms a patch of 4 x 6 pixels whose rows are `row_step` bytes apart; `channels`: a multiple of 4.
 * to: (channels / 4, 16 frequencies, 2 pairs, 2 tiles). */
void ep_winograd_inputs_dsp(const int8_t *patch, int32_t row_step, int32_t channels, int32_t *to);

/* Multiplies four filters with both tiles: stream (16 frequencies, quads, 2 pairs, 4 filters), inputs as
 * above, sums (16 frequencies, 4 filters, 2 tiles). Returns the end of the stream. */
const int32_t *ep_winograd_products_dsp(const int32_t *stream, const int32_t *inputs, int32_t *sums,
                                        int32_t quads);

/* Makes outputs (2 rows, 4 columns, 4 filters) of 1 to 4 filters of `sums`: stream (filters, 4): bias,
 * multiplier, constant, shift. Returns the end of what it used of the stream. */
const int32_t *ep_winograd_outputs_dsp(const int32_t *stream, const int32_t *sums, int8_t *out,
                                       int32_t filters);

/* The same for streams in which all results below the zero point are clamped to it. */
const int32_t *ep_winograd_outputs_relu_dsp(const int32_t *stream, const int32_t *sums, int8_t *out,
                                            int32_t filters);

#endif
