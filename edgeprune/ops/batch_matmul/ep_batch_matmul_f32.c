#include "ep_batch_matmul_f32.h"

static float sum_of(const ep_batch_matmul_f32_params *p, const float *a, const float *b)
{
    float sum = 0.0f;
    for (int32_t k = 0; k < p->depth; k++) {
        sum += a[k * p->step_a] * b[k * p->step_b];
    }
    return sum;
}

void ep_batch_matmul_f32(const ep_batch_matmul_f32_params *p, const float *a, const float *b, float *out)
{
    int32_t at[EP_LOOPS] = {0};
    do {
        const float *row = a + ep_loop_offset(at, p->strides_a);
        const float *first = b + ep_loop_offset(at, p->strides_b);
        for (int32_t r = 0; r < p->rows; r++) {
            for (int32_t c = 0; c < p->columns; c++) {
                const float sum = sum_of(p, row + r * p->row_a, first + c * p->column_b);
                *out++ = sum;
            }
        }
    } while (ep_loop_next(at, p->extents));
}
