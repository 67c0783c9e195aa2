/* Convolution of floats where every input channel has its own filters; padding adds nothing. */
#ifndef EP_DEPTHWISE_CONV2D_F32_H
#define EP_DEPTHWISE_CONV2D_F32_H

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
    int32_t depth_multiplier;
    const float *bias; /* one for each output channel */
    float act_min;
    float act_max;
} ep_depthwise_conv2d_f32_params;

/* in: (in_h, in_w, in_channels), filter: (window_h, window_w, in_channels * depth_multiplier),
 * out: (out_h, out_w, in_channels * depth_multiplier) */
void ep_depthwise_conv2d_f32(const ep_depthwise_conv2d_f32_params *p, const float *in, const float *filter,
                             float *out);

#endif
