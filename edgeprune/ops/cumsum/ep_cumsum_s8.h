#ifndef EP_CUMSUM_S8_H
#define EP_CUMSUM_S8_H

#include <stdint.h>

typedef struct {
    int32_t before; /* product of the dimensions before the axis */
    int32_t extent;
    int32_t after;
    int32_t exclusive; /* 1: an element is not in its own sum */
    int32_t reverse;   /* 1: from the last element to the first */
    int32_t in_zero_point;
    int32_t zero_point;
    int32_t multiplier;
    int32_t shift;
} ep_cumsum_s8_params;

/* Each output is the sum of the inputs up to its own along one axis. */
void ep_cumsum_s8(const ep_cumsum_s8_params *p, const int8_t *in, int8_t *out);

#endif
