#ifndef EP_LOG_SOFTMAX_F32_H
#define EP_LOG_SOFTMAX_F32_H

#include <stdint.h>

typedef struct {
    int32_t rows;
    int32_t depth; /* elements of a row, 1 or more */
} ep_log_softmax_f32_params;

/* x - max(x) - log(sum(exp(x - max(x)))) of each row. */
void ep_log_softmax_f32(const ep_log_softmax_f32_params *p, const float *in, float *out);

#endif
