#ifndef EP_COMPARE_S32_H
#define EP_COMPARE_S32_H

#include "ep_elementwise.h"
#include "ep_relation.h"

typedef struct {
    EP_BINARY_FIELDS;
    int32_t relation; /* EP_LESS and so on, one or several */
} ep_compare_s32_params;

/* Whether a stands in `relation` to b. */
void ep_compare_s32(const ep_compare_s32_params *p, const int32_t *a, const int32_t *b, uint8_t *out);

#endif
