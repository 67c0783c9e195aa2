#ifndef EP_COMPARE_X8_H
#define EP_COMPARE_X8_H

#include "ep_elementwise.h"
#include "ep_relation.h"

typedef struct {
    EP_BINARY_FIELDS;
    int32_t relation; /* EP_LESS and so on, one or several */
} ep_compare_x8_params;

/* Whether a stands in `relation` to b. */
void ep_compare_x8(const ep_compare_x8_params *p, const uint8_t *a, const uint8_t *b, uint8_t *out);

#endif
