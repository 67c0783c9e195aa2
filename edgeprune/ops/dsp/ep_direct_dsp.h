/* Blocks of four filters times one row of int8: the core of dense layers without a buffer.
 *
 * A stream is that of ep_dot_dsp.h without the words of requantization, which are in `ends`: twelve for a
 * block, or the same twelve for all blocks.
 */
#ifndef EP_DIRECT_DSP_H
#define EP_DIRECT_DSP_H

#include <stdint.h>

/* depth: of x, a multiple of 4, at least 4; blocks >= 1; back: 48 where all blocks have the same ends, else 0.
 * Writes 4 * blocks outputs and returns the end of the stream that was used. */
const int32_t *ep_direct_dsp(const int32_t *stream, const int8_t *x, int8_t *out, int32_t blocks,
                             int32_t depth, const int32_t *ends, int32_t back);

/* The same for streams in which all results below the zero point are clamped to it. */
const int32_t *ep_direct_relu_dsp(const int32_t *stream, const int8_t *x, int8_t *out, int32_t blocks,
                                  int32_t depth, const int32_t *ends, int32_t back);

#endif
