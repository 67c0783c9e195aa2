/* Convolution in one group for NEON with SDOT; see ep_convolution_neon.h. */
#ifndef EP_CONV2D_S8_DOT_H
#define EP_CONV2D_S8_DOT_H

#include "ep_convolution_neon.h"

typedef struct {
    ep_convolution_neon convolution;
} ep_conv2d_s8_dot_params;

/* in: (in_h, in_w, in_channels), out: (out_h, out_w, out_channels), scratch: see the convolution's offsets */
void ep_conv2d_s8_dot(const ep_conv2d_s8_dot_params *p, const int8_t *in, int8_t *out, void *scratch);

#endif
