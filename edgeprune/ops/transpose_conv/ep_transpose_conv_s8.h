#ifndef EP_TRANSPOSE_CONV_S8_H
#define EP_TRANSPOSE_CONV_S8_H

#include <stdint.h>

typedef struct {
    int32_t in_h;
    int32_t in_w;
    int32_t out_h;
    int32_t out_w;
    int32_t window_h;
    int32_t window_w;
    int32_t stride_h;
    int32_t stride_w;
    int32_t pad_top;
    int32_t pad_left;
    int32_t in_channels;
    int32_t out_channels;
    int32_t in_zero_point;
    const int32_t *bias;
    const int32_t *multiplier;
    const int8_t *shift;
    int32_t zero_point;
    int32_t act_min;
    int32_t act_max;
} ep_transpose_conv_s8_params;

/* Filters are (out_channels, window_h, window_w, in_channels); bias has out_channels elements. */
void ep_transpose_conv_s8(const ep_transpose_conv_s8_params *p, const int8_t *in, const int8_t *filter, int8_t *out);

#endif
