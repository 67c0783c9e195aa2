/* A convolution with packed filters, for NEON.
 *
 * Rows of the image are copied into a ring with padding around, one row of outputs at a time, and the filters
 * read their runs there: `window_h` of them. Windows of small pieces are put together as patches first, one
 * for each pixel. Windows of one pixel are read in the image itself. Inputs that no filter reads can
 * be left out of pixels and patches, and outputs that do not depend on the input put in afterwards.
 */
#ifndef EP_CONVOLUTION_NEON_H
#define EP_CONVOLUTION_NEON_H

#include "ep_collect_neon.h"
#include "ep_filters_neon.h"
#include "ep_pick_neon.h"

enum { EP_FROM_IMAGE = 0, EP_FROM_ROWS = 1, EP_FROM_PATCHES = 2 };

typedef struct {
    ep_filters_neon filters; /* of the channels that are computed */
    int32_t in_h;
    int32_t in_w;
    int32_t out_h; /* windows of one pixel that leave out none: one row, of all pixels */
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
    int32_t columns;          /* that the windows span, padding included */
    int32_t source;           /* EP_FROM_... */
    int32_t patch_step;       /* from a patch to the next: 15 bytes more than it has, at least */
    ep_collect_list_neon needed; /* of a pixel's window; then there are no patches */
    ep_pick_list_neon spread; /* from computed channels to all; out_bytes 0: all are computed */
    int32_t ring_at; /* these four: offsets in the scratch; first come window_h pointers */
    int32_t patches_at;
    int32_t needed_at;
    int32_t results_at;
} ep_convolution_neon;

/* in: (in_h, in_w, in_channels), out: (out_h, out_w, out_channels) */
void ep_convolution_neon_run(const ep_convolution_neon *p, ep_filters_run_neon *filters, const int8_t *in,
                             int8_t *out, void *scratch);

#endif
