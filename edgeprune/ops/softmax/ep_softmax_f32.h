#ifndef EP_SOFTMAX_F32_H
#define EP_SOFTMAX_F32_H

#include <stdint.h>

typedef struct {
    int32_t rows;
    int32_t depth; /* elements of a row */
    float beta;
} ep_softmax_f32_params;

/* Softmax of each row. */
void ep_softmax_f32(const ep_softmax_f32_params *p, const float *in, float *out);

#endif
