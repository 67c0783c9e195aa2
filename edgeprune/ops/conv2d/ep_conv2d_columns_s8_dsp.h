/* Convolution whose filters leave out some inputs of the window, the same for all filters: the others are
 * gathered, two pixels at a time, for cores with the DSP extension. */
#ifndef EP_CONV2D_COLUMNS_S8_DSP_H
#define EP_CONV2D_COLUMNS_S8_DSP_H

#include "ep_columns_dsp.h"
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
    ep_gather gather;
    const int32_t *list;       /* offsets in the image */
    const int32_t *patch_list; /* in a patch; not used if no window reaches beyond the image */
    int32_t patch_w;           /* taps in a row of a patch: those of one pixel, or of two neighbours if more */
    int32_t last_top;          /* where the last window that stays in the image begins; negative: none does */
    int32_t last_left;
    int32_t last_pixel;      /* the last that two windows may begin at to end in the image's memory */
    const uint16_t *outside; /* for each column of taps, and the end, where it begins in here; then where the
                              * inputs of these taps are among those gathered, in halfwords */
    ep_matrix matrix;
} ep_conv2d_columns_s8_dsp_params;

/* in: (in_h, in_w, in_channels), out: (out_h, out_w, channels); scratch, aligned to words: 8 * pairs
 * bytes, the matrix's results, and, unless no window reaches beyond the image, a patch:
 * window_h * patch_w * in_channels bytes. */
void ep_conv2d_columns_s8_dsp(const ep_conv2d_columns_s8_dsp_params *p, const int8_t *in, int8_t *out,
                              void *scratch);

#endif
