#ifndef EP_LOGICAL_NOT_X8_H
#define EP_LOGICAL_NOT_X8_H

#include "ep_elementwise.h"

typedef ep_unary_params ep_logical_not_x8_params;

/* 1 where the byte is 0, else 0. */
void ep_logical_not_x8(const ep_logical_not_x8_params *p, const uint8_t *in, uint8_t *out);

#endif
