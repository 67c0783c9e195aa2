/* Convolution, also grouped; padding reads as the input's zero point. */
#ifndef EP_CONV2D_S8_H
#define EP_CONV2D_S8_H

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
    int32_t in_zero_point;
    const int32_t *bias; /* these three: one for each output channel */
    const int32_t *multiplier;
    const int8_t *shift;
    int32_t zero_point;
    int32_t act_min;
    int32_t act_max;
} ep_conv2d_s8_params;

/* in: (in_h, in_w, in_channels), filter: (out_channels, window_h, window_w, group_channels),
 * out: (out_h, out_w, out_channels) */
void ep_conv2d_s8(const ep_conv2d_s8_params *p, const int8_t *in, const int8_t *filter, int8_t *out);

#endif
