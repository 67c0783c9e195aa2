#ifndef EP_DIV_F32_H
#define EP_DIV_F32_H

#include "ep_elementwise.h"

typedef struct {
    EP_BINARY_FIELDS;
    float act_min;
    float act_max;
} ep_div_f32_params;

/* out = a / b. */
void ep_div_f32(const ep_div_f32_params *p, const float *a, const float *b, float *out);

#endif
