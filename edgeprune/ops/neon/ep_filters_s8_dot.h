/* The filters of ep_filters_neon.h by SDOT: blocks of 8 channels, whose weights of a step are in groups of
 * four inputs: (8 channels, 4 inputs). */
#ifndef EP_FILTERS_S8_DOT_H
#define EP_FILTERS_S8_DOT_H

#include "ep_filters_neon.h"

ep_filters_run_neon ep_filters_s8_dot;

#endif
