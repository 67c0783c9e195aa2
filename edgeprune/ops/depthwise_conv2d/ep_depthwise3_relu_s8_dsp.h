/* 3 x 3 depthwise convolution for cores with the DSP extension, whose results below the zero point are clamped. */
#ifndef EP_DEPTHWISE3_RELU_S8_DSP_H
#define EP_DEPTHWISE3_RELU_S8_DSP_H

#include "ep_depthwise3_dsp.h"

typedef ep_depthwise3_dsp_params ep_depthwise3_relu_s8_dsp_params;

/* in: (in_h, in_w, channels), out: (out_h, out_w, channels); scratch as ep_depthwise3_dsp's */
void ep_depthwise3_relu_s8_dsp(const ep_depthwise3_relu_s8_dsp_params *p, const int8_t *in, int8_t *out, void *scratch);

#endif
