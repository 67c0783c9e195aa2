#ifndef EP_QUANTIZE_F32_S16_H
#define EP_QUANTIZE_F32_S16_H

#include "ep_math.h"

typedef struct {
    int32_t count;
    float scale;
    int32_t zero_point;
} ep_quantize_f32_s16_params;

/* float to int16: halves away from zero, saturating; NaN becomes the zero point. */
void ep_quantize_f32_s16(const ep_quantize_f32_s16_params *p, const float *in, int16_t *out);

#endif
