#ifndef EP_QUANTIZE_F32_H
#define EP_QUANTIZE_F32_H

#include "ep_math.h"

typedef struct {
    int32_t count;
    float scale;
    int32_t zero_point;
} ep_quantize_f32_params;

/* float to int8: halves away from zero, saturating; NaN becomes the zero point. */
void ep_quantize_f32(const ep_quantize_f32_params *p, const float *in, int8_t *out);

#endif
