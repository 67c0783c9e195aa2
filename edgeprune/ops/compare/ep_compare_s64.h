#ifndef EP_COMPARE_S64_H
#define EP_COMPARE_S64_H

#include "ep_elementwise.h"
#include "ep_relation.h"

typedef struct {
    EP_BINARY_FIELDS;
    int32_t relation; /* EP_LESS and so on, one or several */
} ep_compare_s64_params;

/* Whether a stands in `relation` to b. */
void ep_compare_s64(const ep_compare_s64_params *p, const int64_t *a, const int64_t *b, uint8_t *out);

#endif
