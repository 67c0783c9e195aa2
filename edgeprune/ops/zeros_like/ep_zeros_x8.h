/* Bytes of 0. */
#ifndef EP_ZEROS_X8_H
#define EP_ZEROS_X8_H

#include <stdint.h>

typedef struct {
    int32_t count;
} ep_zeros_x8_params;

/* out: count bytes, of whatever type */
void ep_zeros_x8(const ep_zeros_x8_params *p, void *out);

#endif
