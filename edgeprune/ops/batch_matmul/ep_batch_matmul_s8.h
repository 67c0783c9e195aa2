#ifndef EP_BATCH_MATMUL_S8_H
#define EP_BATCH_MATMUL_S8_H

#include "ep_math.h"

typedef struct {
    int32_t extents[EP_LOOPS]; /* of the batches */
    int32_t strides_a[EP_LOOPS]; /* in elements, 0 where a is broadcast */
    int32_t strides_b[EP_LOOPS];
    int32_t rows;
    int32_t columns;
    int32_t depth;
    int32_t row_a;    /* from a row of a to the next, in elements */
    int32_t step_a;   /* from a product to the next */
    int32_t column_b; /* from a column of b to the next */
    int32_t step_b;
    int32_t zero_point_a;
    int32_t zero_point_b;
    int32_t zero_point;
    int32_t multiplier;
    int32_t shift;
} ep_batch_matmul_s8_params;

/* Each output is the sum of `depth` products. */
void ep_batch_matmul_s8(const ep_batch_matmul_s8_params *p, const int8_t *a, const int8_t *b, int8_t *out);

#endif
