#ifndef EP_MUL_F32_H
#define EP_MUL_F32_H

#include "ep_elementwise.h"

typedef struct {
    EP_BINARY_FIELDS;
    float act_min;
    float act_max;
} ep_mul_f32_params;

/* out = a * b. */
void ep_mul_f32(const ep_mul_f32_params *p, const float *a, const float *b, float *out);

#endif
