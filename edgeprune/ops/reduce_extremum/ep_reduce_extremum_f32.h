#ifndef EP_REDUCE_EXTREMUM_F32_H
#define EP_REDUCE_EXTREMUM_F32_H

#include "ep_math.h"

typedef struct {
    int32_t kept_extents[EP_LOOPS]; /* loops over the outputs */
    int32_t kept_strides[EP_LOOPS];
    int32_t kept_count;
    int32_t kept_step;
    int32_t sum_extents[EP_LOOPS]; /* loops over the elements of one output */
    int32_t sum_strides[EP_LOOPS];
    int32_t sum_count;
    int32_t sum_step;
    int32_t is_maximum;
} ep_reduce_extremum_f32_params;

/* The largest, or the smallest, element over some dimensions. */
void ep_reduce_extremum_f32(const ep_reduce_extremum_f32_params *p, const float *in, float *out);

#endif
