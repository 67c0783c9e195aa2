/* Depthwise convolution for Helium: windows of 3 x 3 without dilation, one filter for each channel.
 *
 * The three rows that an output row covers are copied, zero points around them; each row once. */
#ifndef EP_DEPTHWISE_CONV2D_S8_MVE_H
#define EP_DEPTHWISE_CONV2D_S8_MVE_H

#include <stdint.h>

typedef struct {
    int32_t in_h;
    int32_t in_w;
    int32_t out_h;
    int32_t out_w;
    int32_t stride_h;
    int32_t stride_w;
    int32_t pad_top;
    int32_t pad_left;
    int32_t channels;
    int32_t columns; /* that a row of outputs covers */
    int32_t in_zero_point;
    int32_t zero_point;
    int32_t act_min;
    int32_t act_max;
    int32_t code;         /* this and the next: as in ep_taps9_s8_mve */
    const int8_t *stream;
    int32_t is_flat;      /* the stream is for 16 bytes of a row, several pixels; stride_w is 1 */
} ep_depthwise_conv2d_s8_mve_params;

/* in: (in_h, in_w, channels), out: (out_h, out_w, channels), scratch: 3 * columns * channels + 15 bytes */
void ep_depthwise_conv2d_s8_mve(const ep_depthwise_conv2d_s8_mve_params *p, const int8_t *in, int8_t *out,
                                void *scratch);

#endif
