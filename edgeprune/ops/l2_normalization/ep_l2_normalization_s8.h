#ifndef EP_L2_NORMALIZATION_S8_H
#define EP_L2_NORMALIZATION_S8_H

#include "ep_math.h"

typedef struct {
    int32_t rows;
    int32_t depth; /* elements of a row, 1 to 33025 */
    int32_t zero_point;
} ep_l2_normalization_s8_params;

/* Each row divided by its Euclidean length; the output's scale is 1/128 and its zero point 0. */
void ep_l2_normalization_s8(const ep_l2_normalization_s8_params *p, const int8_t *in, int8_t *out);

#endif
