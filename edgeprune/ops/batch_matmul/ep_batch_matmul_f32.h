#ifndef EP_BATCH_MATMUL_F32_H
#define EP_BATCH_MATMUL_F32_H

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
} ep_batch_matmul_f32_params;

/* Each output is the sum of `depth` products. */
void ep_batch_matmul_f32(const ep_batch_matmul_f32_params *p, const float *a, const float *b, float *out);

#endif
