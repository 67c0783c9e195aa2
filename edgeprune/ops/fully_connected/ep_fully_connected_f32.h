/* Dense layer of floats: rows of inputs times a matrix of weights. */
#ifndef EP_FULLY_CONNECTED_F32_H
#define EP_FULLY_CONNECTED_F32_H

#include <stdint.h>

typedef struct {
    int32_t rows;
    int32_t depth;
    int32_t channels;
    const float *bias; /* one for each channel */
    float act_min;
    float act_max;
} ep_fully_connected_f32_params;

/* in: (rows, depth), filter: (channels, depth), out: (rows, channels) */
void ep_fully_connected_f32(const ep_fully_connected_f32_params *p, const float *in, const float *filter,
                            float *out);

#endif
