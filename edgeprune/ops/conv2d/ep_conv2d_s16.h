/* Convolution of int16 with int8 filters, also grouped; padding adds nothing. */
#ifndef EP_CONV2D_S16_H
#define EP_CONV2D_S16_H

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
    const int64_t *bias; /* these three: one for each output channel */
    const int32_t *multiplier;
    const int8_t *shift;
    int32_t is_64_bit; /* how sums are rounded: ep_math64.h */
    int32_t act_min;
    int32_t act_max;
} ep_conv2d_s16_params;

/* in: (in_h, in_w, in_channels), filter: (out_channels, window_h, window_w, group_channels),
 * out: (out_h, out_w, out_channels) */
void ep_conv2d_s16(const ep_conv2d_s16_params *p, const int16_t *in, const int8_t *filter, int16_t *out);

#endif
