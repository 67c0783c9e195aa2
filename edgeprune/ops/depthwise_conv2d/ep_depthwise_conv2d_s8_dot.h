/* Depthwise convolution with windows of 3 x 3 by SDOT; see ep_depthwise_neon.h.
 *
 * Weights of 16 channels: for each column of the window, for each channel, the three rows' and a 0. */
#ifndef EP_DEPTHWISE_CONV2D_S8_DOT_H
#define EP_DEPTHWISE_CONV2D_S8_DOT_H

#include "ep_depthwise_neon.h"

typedef struct {
    ep_depthwise_neon depthwise;
} ep_depthwise_conv2d_s8_dot_params;

/* in: (in_h, in_w, channels), out: (out_h, out_w, channels) */
void ep_depthwise_conv2d_s8_dot(const ep_depthwise_conv2d_s8_dot_params *p, const int8_t *in, int8_t *out,
                                void *scratch);

#endif
