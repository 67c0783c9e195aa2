#ifndef EP_LOG_F32_H
#define EP_LOG_F32_H

#include "ep_elementwise.h"

typedef ep_unary_params ep_log_f32_params;

/* The natural logarithm; NaN of negative numbers. */
void ep_log_f32(const ep_log_f32_params *p, const float *in, float *out);

#endif
