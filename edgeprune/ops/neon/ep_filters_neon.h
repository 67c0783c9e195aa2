/* All filters of a convolution or dense layer on a row of pixels, for NEON.
 *
 * What a filter sees of a pixel are `runs` pieces of input. Kernels read a run in steps of 16 bytes; what is
 * left over is read by a tail of one to four groups of four bytes. A tail of one or two groups reads 8 bytes,
 * one of three or four 16, which may be more than the run has: then these bytes must be there, and their
 * weights are 0. Or it begins before the last step has ended, and the weights of what is seen twice are 0.
 *
 * Filters are packed in blocks of channels: biases with the input's zero point multiplied out (int32), weights
 * in the order in which they are read, multipliers (int32), shifts (int32). The filters of the last block
 * that do not exist are zeros. */
#ifndef EP_FILTERS_NEON_H
#define EP_FILTERS_NEON_H

#include "ep_requantize_neon.h"

typedef struct {
    const int8_t *packed;
    int32_t channels; /* of the output */
    int32_t runs;
    int32_t whole_bytes; /* of a run, in steps of 16 */
    int32_t tail_at;     /* where in the run the tail begins */
    int32_t tail;        /* groups of four bytes, 0 to 4 */
    ep_output_neon output;
} ep_filters_neon;

/* `count` pixels, the next one `step` bytes behind the last; runs: where those of the first pixel begin.
 * Results of a pixel lie `out_step` bytes behind those of the last. */
typedef void ep_filters_run_neon(const ep_filters_neon *f, const int8_t *const *runs, int32_t step,
                                 int32_t count, int8_t *out, int32_t out_step);

#endif
