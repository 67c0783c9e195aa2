/* The filters of ep_filters_neon.h without SDOT: blocks of 4 channels, whose weights of a step are one filter's
 * behind the other's. No filter has -128 both at input i and at input i + 8 of a step of 16: the sum of two
 * products must fit 16 bits. */
#ifndef EP_FILTERS_S8_NEON_H
#define EP_FILTERS_S8_NEON_H

#include "ep_filters_neon.h"

ep_filters_run_neon ep_filters_s8_neon;

#endif
