/* All filters of a convolution or dense layer on a row of pixels, for Helium.
 *
 * A pixel is what a filter sees: 16 * steps bytes in one piece. The weights that belong to the bytes
 * behind a filter's last weight are 0, so that those bytes may be anything that can be read.
 *
 * Filters are packed in blocks of four: bias (4 int32), weights (steps x 4 filters x 16), multiplier
 * (4 int32), shift (4 int8). Four blocks make a group of 16 channels, which they hold in the order
 * (0,4,8,12) (2,6,10,14) (1,5,9,13) (3,7,11,15): narrowing interleaves, so results come out in order.
 * Channels behind the last whole group make one more of these, of which not all is stored, or, if
 * they are 8 or less, half a group: two blocks (0,2,4,6) (1,3,5,7). The input's zero point is in
 * the biases. */
#ifndef EP_FILTERS_S8_MVE_H
#define EP_FILTERS_S8_MVE_H

#include <stdint.h>

typedef struct {
    const int8_t *packed;
    int32_t steps;      /* of 16 weights, for each filter */
    int32_t channels;   /* of the output */
    int32_t zero_point; /* of the output */
    int32_t act_min;
    int32_t act_max;
    int32_t rounding;   /* 0: shifts <= 0, act_min >= zero_point; 1: shifts < 0; 2: any */
} ep_filters_s8_mve;

/* `count` pixels, the next one `step` bytes behind the last; out: (count, channels). */
void ep_filters_s8_mve_run(const ep_filters_s8_mve *f, const int8_t *in, int32_t step, int32_t count,
                           int8_t *out);

#endif
