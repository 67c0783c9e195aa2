/* Depthwise convolution on Armv6-M, channel by channel, a few rows at a time. */
#ifndef EP_DEPTHWISE_CONV2D_M0_H
#define EP_DEPTHWISE_CONV2D_M0_H

#include <stdint.h>

#include "ep_window3_core_m0.h"
#include "ep_window_any_core_m0.h"

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
    int32_t in_zero_point;
    int32_t piece_bits;
    int32_t block_rows; /* output rows that are made together */
    int32_t width;      /* of the plane: what the windows of a row span */
    const int8_t *weights;   /* (channels, window_h, window_w) */
    const int32_t *channels; /* m0/requantize.py */
    int32_t act_min;
    int32_t act_max;
} ep_depthwise_conv2d_m0_params;

/* One of two cores: window3, for 3 x 3 without dilation, which may be null, and `any`.
 * scratch: for `any` its taps; the plane, of `width` bytes times the rows that a block's windows span. */
void ep_depthwise_conv2d_m0(const ep_depthwise_conv2d_m0_params *p, const int8_t *in, int8_t *out,
                            void *scratch, void (*window3)(ep_window3_m0 *window),
                            void (*any)(ep_taps_m0 *window));

#endif
