/* Convolution on Armv6-M: four pixels at a time are gathered into a column, all filters run over it. */
#ifndef EP_CONV2D_M0_H
#define EP_CONV2D_M0_H

#include <stdint.h>

#include "ep_dot4_core_m0.h"

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
    int32_t in_zero_point;
    int32_t piece_bits;
    int32_t depth;          /* of a column, in values of one pixel */
    const uint16_t *list;   /* of what weights read: in bytes from where a row of taps begins; NULL: all */
    const uint16_t *begin;  /* for each tap, and the end: where its part of the list begins */
    const int8_t *weights;  /* m0/runs.py */
    const int32_t *channels; /* m0/requantize.py */
    int32_t act_min;
    int32_t act_max;
} ep_conv2d_m0_params;

/* scratch: two words for each value of a column, then in_channels bytes.
 * in: (in_h, in_w, in_channels), out: (out_h, out_w, out_channels) */
void ep_conv2d_m0(const ep_conv2d_m0_params *p, const int8_t *in, int8_t *out, void *scratch,
                  void (*dot4)(const ep_dot4_m0_group *group));

#endif
