/* Dense layer: rows of inputs times a matrix of weights. */
#ifndef EP_FULLY_CONNECTED_S8_H
#define EP_FULLY_CONNECTED_S8_H

#include <stdint.h>

typedef struct {
    int32_t rows;
    int32_t depth;
    int32_t channels;
    int32_t filter_zero_point;
    const int32_t *bias; /* with both zero points multiplied out, but for the inputs */
    int32_t factor_step; /* 1: the next two have an element for each output channel, 0: one for all */
    const int32_t *multiplier;
    const int8_t *shift;
    int32_t zero_point;
    int32_t act_min;
    int32_t act_max;
} ep_fully_connected_s8_params;

/* in: (rows, depth), filter: (channels, depth), out: (rows, channels) */
void ep_fully_connected_s8(const ep_fully_connected_s8_params *p, const int8_t *in, const int8_t *filter,
                           int8_t *out);

#endif
