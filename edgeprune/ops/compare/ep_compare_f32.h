#ifndef EP_COMPARE_F32_H
#define EP_COMPARE_F32_H

#include "ep_elementwise.h"
#include "ep_relation.h"

typedef struct {
    EP_BINARY_FIELDS;
    int32_t relation; /* EP_LESS and so on, one or several */
} ep_compare_f32_params;

/* Whether a stands in `relation` to b. */
void ep_compare_f32(const ep_compare_f32_params *p, const float *a, const float *b, uint8_t *out);

#endif
