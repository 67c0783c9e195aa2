#ifndef EP_LOOKUP_X8_H
#define EP_LOOKUP_X8_H

#include <stdint.h>

typedef struct {
    int32_t count;
    const uint8_t *table; /* 256 entries, by the input's bits */
} ep_lookup_x8_params;

/* Replaces every byte, signed or not, by the table's entry for it. */
void ep_lookup_x8(const ep_lookup_x8_params *p, const void *in, void *out);

#endif
