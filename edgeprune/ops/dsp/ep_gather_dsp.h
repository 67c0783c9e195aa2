/* Picks the inputs that filters read out of windows, as pairs of int16 for ep_dot_dsp.h.
 *
 * A list has the offset of each from the window's first input: first of `quads`, four neighbours each,
 * widened in the order 0, 2, 1, 3; then of `twins`, a byte and the second behind it (three bytes are
 * behind the first that may be read), four twins in a group; then of single inputs, two to a pair. */
#ifndef EP_GATHER_DSP_H
#define EP_GATHER_DSP_H

#include <stdint.h>

typedef struct {
    int32_t quads;
    int32_t twins; /* groups of four */
    int32_t pairs; /* of single inputs */
} ep_gather;

/* Two windows whose pairs alternate in `to`. */
void ep_gather_two_dsp(int16_t *to, const int8_t *from0, const int8_t *from1, const int32_t *list,
                       const ep_gather *g);

/* One of two windows: every second word of `to`. */
void ep_gather_one_dsp(int16_t *to, const int8_t *from, const int32_t *list, const ep_gather *g);

#endif
