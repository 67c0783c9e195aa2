#ifndef EP_TRANSPOSE_CONV_F32_H
#define EP_TRANSPOSE_CONV_F32_H

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
    const float *bias;
    float act_min;
    float act_max;
} ep_transpose_conv_f32_params;

/* Filters are (out_channels, window_h, window_w, in_channels); bias has out_channels elements. */
void ep_transpose_conv_f32(const ep_transpose_conv_f32_params *p, const float *in, const float *filter, float *out);

#endif
