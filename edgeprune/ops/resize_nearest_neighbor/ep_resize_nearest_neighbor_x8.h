#ifndef EP_RESIZE_NEAREST_NEIGHBOR_X8_H
#define EP_RESIZE_NEAREST_NEIGHBOR_X8_H

#include <stdint.h>

typedef struct {
    int32_t batches;
    int32_t in_h;
    int32_t in_w;
    int32_t out_h;
    int32_t out_w;
    int32_t pixel_bytes;
    const uint16_t *rows;    /* the input's row for each row of the output */
    const uint16_t *columns; /* the input's column for each column of the output */
} ep_resize_nearest_neighbor_x8_params;

/* Copies whole pixels. */
void ep_resize_nearest_neighbor_x8(const ep_resize_nearest_neighbor_x8_params *p, const void *in, void *out);

#endif
