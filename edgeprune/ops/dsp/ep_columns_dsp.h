/* Pairs of neighbours of a row, one after the other: their inputs are gathered (ep_gather_dsp.h) and
 * multiplied by blocks of four filters (ep_dot_dsp.h). */
#ifndef EP_COLUMNS_DSP_H
#define EP_COLUMNS_DSP_H

#include <stdint.h>

#include "ep_gather_dsp.h"

/* The assembly knows the order of the fields. */
typedef struct {
    int32_t is_used; /* by the assembly */
    int16_t *x;      /* 8 * pairs bytes */
    int8_t *out0;
    int8_t *out1;
    const int8_t *from0; /* windows */
    const int8_t *from1;
    const int32_t *list;
    ep_gather gather;
    int32_t step; /* bytes from a pair's windows to those of the next */
    const int32_t *stream;
    int32_t blocks;
    int32_t pairs;    /* of inputs */
    int16_t *x_end;
    int32_t rounds;   /* pairs of pixels */
    int32_t channels; /* 4 * blocks */
} ep_columns;

void ep_columns_dsp(const ep_columns *c);

/* For streams in which all results below the zero point are clamped to it. */
void ep_columns_relu_dsp(const ep_columns *c);

#endif
