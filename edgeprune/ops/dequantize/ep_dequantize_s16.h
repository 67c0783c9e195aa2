#ifndef EP_DEQUANTIZE_S16_H
#define EP_DEQUANTIZE_S16_H

#include <stdint.h>

typedef struct {
    int32_t count;
    float scale;
    int32_t zero_point;
} ep_dequantize_s16_params;

/* int16 to float. */
void ep_dequantize_s16(const ep_dequantize_s16_params *p, const int16_t *in, float *out);

#endif
