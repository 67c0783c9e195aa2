#ifndef EP_DEQUANTIZE_U8_H
#define EP_DEQUANTIZE_U8_H

#include <stdint.h>

typedef struct {
    int32_t count;
    float scale;
    int32_t zero_point;
} ep_dequantize_u8_params;

/* uint8 to float. */
void ep_dequantize_u8(const ep_dequantize_u8_params *p, const uint8_t *in, float *out);

#endif
