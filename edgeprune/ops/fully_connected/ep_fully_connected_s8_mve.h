/* Dense layer for Helium: rows of inputs times packed filters. */
#ifndef EP_FULLY_CONNECTED_S8_MVE_H
#define EP_FULLY_CONNECTED_S8_MVE_H

#include "ep_filters_s8_mve.h"

typedef struct {
    const int8_t *packed; /* this and the next six: as in ep_filters_s8_mve */
    int32_t steps;
    int32_t channels;
    int32_t zero_point;
    int32_t act_min;
    int32_t act_max;
    int32_t rounding;
    int32_t rows;
    int32_t depth;
} ep_fully_connected_s8_mve_params;

/* in: (rows, depth), out: (rows, channels), scratch: 16 * steps bytes, not used if depth is a multiple of 16 */
void ep_fully_connected_s8_mve(const ep_fully_connected_s8_mve_params *p, const int8_t *in, int8_t *out,
                               void *scratch);

#endif
