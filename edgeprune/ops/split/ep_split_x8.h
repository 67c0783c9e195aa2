#ifndef EP_SPLIT_X8_H
#define EP_SPLIT_X8_H

#include <stdint.h>

typedef struct {
    int32_t rows; /* product of the dimensions before the axis */
    int32_t outputs;
    int32_t row_bytes;          /* of the input: all chunks of one row */
    const int32_t *chunk_bytes; /* of one row of each output */
} ep_split_x8_params;

/* Deals the input's rows out: chunk k of each row goes to output k. `outputs` pointers follow `in`. */
void ep_split_x8(const ep_split_x8_params *p, const void *in, ...);

#endif
