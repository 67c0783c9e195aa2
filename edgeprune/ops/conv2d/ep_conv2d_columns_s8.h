/* Convolution whose filters leave out some inputs of the window, the same for all filters. */
#ifndef EP_CONV2D_COLUMNS_S8_H
#define EP_CONV2D_COLUMNS_S8_H

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
    int32_t in_zero_point;
    int32_t depth;         /* inputs of a window that filters read */
    const uint16_t *list;  /* their channels */
    const uint16_t *begin; /* for each tap, and the end: where its part of the list begins */
    const int8_t *filter;  /* (out_channels, depth) */
    const int32_t *bias;   /* these three: one for each output channel */
    const int32_t *multiplier;
    const int8_t *shift;
    int32_t zero_point;
    int32_t act_min;
    int32_t act_max;
} ep_conv2d_columns_s8_params;

/* in: (in_h, in_w, in_channels), out: (out_h, out_w, out_channels); scratch, aligned to halfwords:
 * 2 * depth bytes */
void ep_conv2d_columns_s8(const ep_conv2d_columns_s8_params *p, const int8_t *in, int8_t *out, void *scratch);

#endif
