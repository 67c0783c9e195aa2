/* Depthwise convolution for NEON; see ep_depthwise_neon.h.
 *
 * Weights of 16 channels: for each tap 16, taps in the order of the window's columns. Products of two taps that
 * follow each other are added up in 16 bits: not both weights of a channel may be -128 there. */
#ifndef EP_DEPTHWISE_CONV2D_S8_NEON_H
#define EP_DEPTHWISE_CONV2D_S8_NEON_H

#include "ep_depthwise_neon.h"

typedef struct {
    ep_depthwise_neon depthwise;
} ep_depthwise_conv2d_s8_neon_params;

/* in: (in_h, in_w, channels), out: (out_h, out_w, channels) */
void ep_depthwise_conv2d_s8_neon(const ep_depthwise_conv2d_s8_neon_params *p, const int8_t *in, int8_t *out,
                                 void *scratch);

#endif
