/* Dense layer: rows of int16 inputs times a matrix of int8 weights. */
#ifndef EP_FULLY_CONNECTED_S16_H
#define EP_FULLY_CONNECTED_S16_H

#include <stdint.h>

typedef struct {
    int32_t rows;
    int32_t depth;
    int32_t channels;
    const int64_t *bias; /* these three: one for each channel */
    const int32_t *multiplier;
    const int8_t *shift;
    int32_t is_64_bit; /* how sums are rounded: ep_math64.h */
    int32_t act_min;
    int32_t act_max;
} ep_fully_connected_s16_params;

/* in: (rows, depth), filter: (channels, depth), out: (rows, channels) */
void ep_fully_connected_s16(const ep_fully_connected_s16_params *p, const int16_t *in, const int8_t *filter,
                            int16_t *out);

#endif
