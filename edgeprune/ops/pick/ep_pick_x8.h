#ifndef EP_PICK_X8_H
#define EP_PICK_X8_H

#include "ep_math.h"

typedef struct {
    int32_t extents[EP_LOOPS];
    const int32_t *offsets; /* a table for each loop, one after the other, in bytes */
    int32_t start;
    int32_t run; /* bytes that are copied together */
} ep_pick_x8_params;

/* Writes runs in order; each is read at the start plus one entry of every table. */
void ep_pick_x8(const ep_pick_x8_params *p, const void *in, void *out);

#endif
