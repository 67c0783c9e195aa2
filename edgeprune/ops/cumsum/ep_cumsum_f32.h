#ifndef EP_CUMSUM_F32_H
#define EP_CUMSUM_F32_H

#include <stdint.h>

typedef struct {
    int32_t before; /* product of the dimensions before the axis */
    int32_t extent;
    int32_t after;
    int32_t exclusive; /* 1: an element is not in its own sum */
    int32_t reverse;   /* 1: from the last element to the first */
} ep_cumsum_f32_params;

/* Each output is the sum of the inputs up to its own along one axis. */
void ep_cumsum_f32(const ep_cumsum_f32_params *p, const float *in, float *out);

#endif
