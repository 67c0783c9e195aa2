/* Convolution of floats, also grouped; padding adds nothing. */
#ifndef EP_CONV2D_F32_H
#define EP_CONV2D_F32_H

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
    int32_t dilation_h;
    int32_t dilation_w;
    int32_t pad_top;
    int32_t pad_left;
    int32_t in_channels;
    int32_t out_channels;
    int32_t group_channels;
    const float *bias; /* one for each output channel */
    float act_min;
    float act_max;
} ep_conv2d_f32_params;

/* in: (in_h, in_w, in_channels), filter: (out_channels, window_h, window_w, group_channels),
 * out: (out_h, out_w, out_channels) */
void ep_conv2d_f32(const ep_conv2d_f32_params *p, const float *in, const float *filter, float *out);

#endif
