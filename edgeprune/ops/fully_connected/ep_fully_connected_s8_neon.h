/* Dense layer for NEON: rows of inputs times packed filters. */
#ifndef EP_FULLY_CONNECTED_S8_NEON_H
#define EP_FULLY_CONNECTED_S8_NEON_H

#include "ep_filters_neon.h"

typedef struct {
    ep_filters_neon filters;
    int32_t rows;
    int32_t depth;
} ep_fully_connected_s8_neon_params;

/* in: (rows, depth), out: (rows, channels) */
void ep_fully_connected_s8_neon(const ep_fully_connected_s8_neon_params *p, const int8_t *in, int8_t *out);

#endif
