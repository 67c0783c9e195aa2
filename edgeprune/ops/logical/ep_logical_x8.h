#ifndef EP_LOGICAL_X8_H
#define EP_LOGICAL_X8_H

#include "ep_elementwise.h"

typedef struct {
    EP_BINARY_FIELDS;
    int32_t is_or;
} ep_logical_x8_params;

/* a or b, or a and b, of bytes that are 0 or 1. */
void ep_logical_x8(const ep_logical_x8_params *p, const uint8_t *a, const uint8_t *b, uint8_t *out);

#endif
