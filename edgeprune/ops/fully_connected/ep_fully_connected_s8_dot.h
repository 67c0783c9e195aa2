/* Dense layer for NEON with SDOT: rows of inputs times packed filters. */
#ifndef EP_FULLY_CONNECTED_S8_DOT_H
#define EP_FULLY_CONNECTED_S8_DOT_H

#include "ep_filters_neon.h"

typedef struct {
    ep_filters_neon filters;
    int32_t rows;
    int32_t depth;
} ep_fully_connected_s8_dot_params;

/* in: (rows, depth), out: (rows, channels) */
void ep_fully_connected_s8_dot(const ep_fully_connected_s8_dot_params *p, const int8_t *in, int8_t *out);

#endif
