/* Convolution for cores with the DSP extension, two pixels at a time through a buffer of their inputs. */
#ifndef EP_CONV2D_S8_DSP_H
#define EP_CONV2D_S8_DSP_H

#include "ep_matrix_dsp.h"

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
    int32_t in_zero_point;
    ep_matrix matrix;
} ep_conv2d_s8_dsp_params;

/* in: (in_h, in_w, in_channels), out: (out_h, out_w, channels); scratch, aligned to words: 8 * pairs
 * bytes, the matrix's results, and, unless no window reaches beyond the image, the inputs of two
 * windows, each rounded up to words. */
void ep_conv2d_s8_dsp(const ep_conv2d_s8_dsp_params *p, const int8_t *in, int8_t *out, void *scratch);

#endif
