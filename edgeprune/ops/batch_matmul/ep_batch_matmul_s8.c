#include "ep_batch_matmul_s8.h"

static int32_t sum_of(const ep_batch_matmul_s8_params *p, const int8_t *a, const int8_t *b)
{
    int32_t sum = 0;
    for (int32_t k = 0; k < p->depth; k++) {
        sum += (a[k * p->step_a] - p->zero_point_a) * (b[k * p->step_b] - p->zero_point_b);
    }
    return sum;
}

void ep_batch_matmul_s8(const ep_batch_matmul_s8_params *p, const int8_t *a, const int8_t *b, int8_t *out)
{
    int32_t at[EP_LOOPS] = {0};
    do {
        const int8_t *row = a + ep_loop_offset(at, p->strides_a);
        const int8_t *first = b + ep_loop_offset(at, p->strides_b);
        for (int32_t r = 0; r < p->rows; r++) {
            for (int32_t c = 0; c < p->columns; c++) {
                const int32_t sum = sum_of(p, row + r * p->row_a, first + c * p->column_b);
                *out++ = ep_requantize(sum, p->multiplier, p->shift, p->zero_point, INT8_MIN, INT8_MAX);
            }
        }
    } while (ep_loop_next(at, p->extents));
}
