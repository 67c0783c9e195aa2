#ifndef EP_FULLY_CONNECTED_SIGNED_S8_M0_H
#define EP_FULLY_CONNECTED_SIGNED_S8_M0_H

#include "ep_fully_connected_m0.h"

typedef ep_fully_connected_m0_params ep_fully_connected_signed_s8_m0_params;

void ep_fully_connected_signed_s8_m0(const ep_fully_connected_signed_s8_m0_params *p, const int8_t *in, int8_t *out);

#endif
