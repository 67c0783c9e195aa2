#ifndef EP_DEQUANTIZE_S8_H
#define EP_DEQUANTIZE_S8_H

#include <stdint.h>

typedef struct {
    int32_t count;
    float scale;
    int32_t zero_point;
} ep_dequantize_s8_params;

/* int8 to float. */
void ep_dequantize_s8(const ep_dequantize_s8_params *p, const int8_t *in, float *out);

#endif
