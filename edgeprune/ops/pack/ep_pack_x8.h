#ifndef EP_PACK_X8_H
#define EP_PACK_X8_H

#include <stdint.h>

typedef struct {
    int32_t rows; /* product of the dimensions before the new axis */
    int32_t inputs;
    int32_t chunk_bytes; /* of one row of each input */
} ep_pack_x8_params;

/* Joins the inputs row by row. `inputs` pointers follow `p`, then the one to the output. */
void ep_pack_x8(const ep_pack_x8_params *p, ...);

#endif
