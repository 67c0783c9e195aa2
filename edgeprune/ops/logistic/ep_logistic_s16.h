#ifndef EP_LOGISTIC_S16_H
#define EP_LOGISTIC_S16_H

#include "ep_sigmoid16.h"

typedef ep_sigmoid16_params ep_logistic_s16_params;

/* The sigmoid in units of 2^-15. */
void ep_logistic_s16(const ep_logistic_s16_params *p, const int16_t *in, int16_t *out);

#endif
