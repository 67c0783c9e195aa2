/* Copies bytes, whatever they are. */
#ifndef EP_COPY_X8_H
#define EP_COPY_X8_H

#include <stdint.h>

typedef struct {
    int32_t size_bytes;
} ep_copy_x8_params;

void ep_copy_x8(const ep_copy_x8_params *p, const void *in, void *out);

#endif
