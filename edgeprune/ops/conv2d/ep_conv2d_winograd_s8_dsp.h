/* Convolution by Winograd's F(2x2, 3x3), exact, for cores with the DSP extension: 3 x 3 filters, stride 1. */
#ifndef EP_CONV2D_WINOGRAD_S8_DSP_H
#define EP_CONV2D_WINOGRAD_S8_DSP_H

#include "ep_winograd_dsp.h"

typedef struct {
    int32_t in_h;
    int32_t in_w;
    int32_t out_h;
    int32_t out_w;
    int32_t pad_top;
    int32_t pad_left;
    int32_t in_channels; /* a multiple of 4 */
    int32_t out_channels;
    int32_t in_zero_point;
    const int32_t *stream; /* for each four filters, what products and what outputs need */
    int32_t is_relu;       /* of the two kinds of streams */
    int32_t act_min;
    int32_t act_max;
} ep_conv2d_winograd_s8_dsp_params;

/* in: (in_h, in_w, in_channels), out: (out_h, out_w, out_channels); scratch, aligned to words: 64 bytes for
 * each input channel, then 544 bytes, or a patch of 24 bytes for each input channel, whichever is larger. */
void ep_conv2d_winograd_s8_dsp(const ep_conv2d_winograd_s8_dsp_params *p, const int8_t *in, int8_t *out,
                               void *scratch);

#endif
