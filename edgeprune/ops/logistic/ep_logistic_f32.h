#ifndef EP_LOGISTIC_F32_H
#define EP_LOGISTIC_F32_H

#include "ep_elementwise.h"

typedef ep_unary_params ep_logistic_f32_params;

/* 1 / (1 + exp(-x)); below -9 it is exp(x), above 16.6 it is 1. */
void ep_logistic_f32(const ep_logistic_f32_params *p, const float *in, float *out);

#endif
