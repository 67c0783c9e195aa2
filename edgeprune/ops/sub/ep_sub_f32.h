#ifndef EP_SUB_F32_H
#define EP_SUB_F32_H

#include "ep_elementwise.h"

typedef struct {
    EP_BINARY_FIELDS;
    float act_min;
    float act_max;
} ep_sub_f32_params;

/* out = a - b. */
void ep_sub_f32(const ep_sub_f32_params *p, const float *a, const float *b, float *out);

#endif
