/* Convolution for Helium, not grouped, with dilation in rows only: packed filters on columns.
 *
 * Filters of more than one weight see a copy of the rows that they cover, column by column:
 * (columns, window_h, in_channels), zero points around it. What a filter covers is in one piece there. */
#ifndef EP_CONV2D_S8_MVE_H
#define EP_CONV2D_S8_MVE_H

#include "ep_filters_s8_mve.h"

typedef struct {
    const int8_t *packed; /* this and the next six: as in ep_filters_s8_mve,
                           * weights are (window_w, window_h, in_channels) */
    int32_t steps;
    int32_t channels; /* that are computed */
    int32_t zero_point;
    int32_t act_min;
    int32_t act_max;
    int32_t rounding;
    int32_t in_h;
    int32_t in_w;
    int32_t out_h;
    int32_t out_w;
    int32_t window_h;
    int32_t window_w;
    int32_t stride_h;
    int32_t stride_w;
    int32_t dilation_h;
    int32_t pad_top;
    int32_t pad_left;
    int32_t in_channels;
    int32_t in_zero_point;
    int32_t columns;    /* that a row of outputs covers */
    int32_t is_scattered;
    uint8_t places[16]; /* as in ep_columns_s8_mve_scatter, if is_scattered */
    int32_t out_channels;
    const int8_t *constants; /* this and the next: as in ep_expand_s8_mve_run; NULL: all are computed */
    const uint8_t *live;
} ep_conv2d_s8_mve_params;

/* in: (in_h, in_w, in_channels), out: (out_h, out_w, out_channels), scratch: for a window of 1 x 1 that of
 * ep_pixels_s8_mve_run, else columns * window_h * in_channels + 15 bytes;
 * if constants is not NULL, at least `channels` bytes, and these behind the columns */
void ep_conv2d_s8_mve(const ep_conv2d_s8_mve_params *p, const int8_t *in, int8_t *out, void *scratch);

#endif
