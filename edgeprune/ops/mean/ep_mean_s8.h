#ifndef EP_MEAN_S8_H
#define EP_MEAN_S8_H

#include "ep_math.h"

typedef struct {
    int32_t kept_extents[EP_LOOPS]; /* loops over the means */
    int32_t kept_strides[EP_LOOPS];
    int32_t kept_count;
    int32_t kept_step;
    int32_t sum_extents[EP_LOOPS]; /* loops over the elements of one mean */
    int32_t sum_strides[EP_LOOPS];
    int32_t sum_count;
    int32_t sum_step;
    int32_t offset; /* the zero point, as often as it is in a sum */
    int32_t zero_point;
    int32_t multiplier;
    int32_t shift;
} ep_mean_s8_params;

/* Means over some dimensions; the multiplier divides by the count too. */
void ep_mean_s8(const ep_mean_s8_params *p, const int8_t *in, int8_t *out);

#endif
