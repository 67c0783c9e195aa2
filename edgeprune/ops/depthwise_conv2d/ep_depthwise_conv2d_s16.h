/* Convolution of int16 with int8 filters where every input channel has its own filters; padding adds nothing. */
#ifndef EP_DEPTHWISE_CONV2D_S16_H
#define EP_DEPTHWISE_CONV2D_S16_H

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
    const int64_t *bias; /* these three: one for each output channel */
    const int32_t *multiplier;
    const int8_t *shift;
    int32_t is_64_bit; /* how sums are rounded: ep_math64.h */
    int32_t act_min;
    int32_t act_max;
} ep_depthwise_conv2d_s16_params;

/* in: (in_h, in_w, in_channels), filter: (window_h, window_w, in_channels * depth_multiplier),
 * out: (out_h, out_w, in_channels * depth_multiplier) */
void ep_depthwise_conv2d_s16(const ep_depthwise_conv2d_s16_params *p, const int16_t *in, const int8_t *filter,
                             int16_t *out);

#endif
