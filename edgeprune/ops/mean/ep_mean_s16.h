#ifndef EP_MEAN_S16_H
#define EP_MEAN_S16_H

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
    int32_t multiplier;
    int32_t shift;
} ep_mean_s16_params;

/* Means over some dimensions; the multiplier divides by the count too. */
void ep_mean_s16(const ep_mean_s16_params *p, const int16_t *in, int16_t *out);

#endif
