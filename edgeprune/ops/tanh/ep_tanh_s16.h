#ifndef EP_TANH_S16_H
#define EP_TANH_S16_H

#include "ep_sigmoid16.h"

typedef ep_sigmoid16_params ep_tanh_s16_params;

/* The hyperbolic tangent in units of 2^-15: twice the sigmoid of twice the argument, less 1. */
void ep_tanh_s16(const ep_tanh_s16_params *p, const int16_t *in, int16_t *out);

#endif
