#ifndef EP_COMPARE_S8_H
#define EP_COMPARE_S8_H

#include "ep_elementwise.h"
#include "ep_relation.h"

typedef struct {
    EP_BINARY_FIELDS;
    int32_t relation; /* EP_LESS and so on, one or several */
    int32_t zero_point_a;
    int32_t multiplier_a;
    int32_t shift_a;
    int32_t zero_point_b;
    int32_t multiplier_b;
    int32_t shift_b;
} ep_compare_s8_params;

/* Whether a stands in `relation` to b, both rescaled to 1/256. */
void ep_compare_s8(const ep_compare_s8_params *p, const int8_t *a, const int8_t *b, uint8_t *out);

#endif
