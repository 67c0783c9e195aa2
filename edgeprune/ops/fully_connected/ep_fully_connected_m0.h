#ifndef EP_FULLY_CONNECTED_M0_H
#define EP_FULLY_CONNECTED_M0_H

#include <stdint.h>

#include "ep_dot8_core_m0.h"

typedef struct {
    int32_t rows;
    int32_t depth;
    int32_t out_channels;
    int32_t row_factor; /* 128 + the filter's zero point */
    int32_t piece_bits;
    const uint8_t *weights;  /* plus 128, (channels / 8 rounded up, depth, 8) */
    const int32_t *channels; /* m0/requantize.py, a multiple of 8 */
    int32_t act_min;
    int32_t act_max;
} ep_fully_connected_m0_params;

/* in: (rows, depth), out: (rows, out_channels) */
void ep_fully_connected_m0(const ep_fully_connected_m0_params *p, const int8_t *in, int8_t *out,
                           void (*dot8)(const ep_dot8_m0_row *row));

#endif
