#ifndef EP_MEAN_F32_H
#define EP_MEAN_F32_H

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
    float divisor; /* elements of one mean */
} ep_mean_f32_params;

/* Means over some dimensions; elements are added in the order of their addresses. */
void ep_mean_f32(const ep_mean_f32_params *p, const float *in, float *out);

#endif
