#ifndef EP_PRELU_F32_H
#define EP_PRELU_F32_H

#include "ep_elementwise.h"

typedef struct {
    EP_BINARY_FIELDS;
} ep_prelu_f32_params;

/* a where it is 0 or more, else a * b. */
void ep_prelu_f32(const ep_prelu_f32_params *p, const float *a, const float *b, float *out);

#endif
