#ifndef EP_L2_NORMALIZATION_F32_H
#define EP_L2_NORMALIZATION_F32_H

#include <stdint.h>

typedef struct {
    int32_t rows;
    int32_t depth; /* elements of a row */
} ep_l2_normalization_f32_params;

/* Each row divided by its Euclidean length, or by 1e-6 where that is less. */
void ep_l2_normalization_f32(const ep_l2_normalization_f32_params *p, const float *in, float *out);

#endif
