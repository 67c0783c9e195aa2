#ifndef EP_LEAKY_RELU_F32_H
#define EP_LEAKY_RELU_F32_H

#include "ep_elementwise.h"

typedef struct {
    int32_t count;
    float alpha;
} ep_leaky_relu_f32_params;

/* What is not above 0 is multiplied by alpha. */
void ep_leaky_relu_f32(const ep_leaky_relu_f32_params *p, const float *in, float *out);

#endif
