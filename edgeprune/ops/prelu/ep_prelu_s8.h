#ifndef EP_PRELU_S8_H
#define EP_PRELU_S8_H

#include "ep_elementwise.h"

typedef struct {
    EP_BINARY_FIELDS;
    int32_t zero_point_a;
    int32_t zero_point_b;
    int32_t zero_point;
    int32_t multiplier; /* of a, where it is 0 or more */
    int32_t shift;
    int32_t slope_multiplier; /* of a * b */
    int32_t slope_shift;
} ep_prelu_s8_params;

/* a where it is 0 or more, else a * b, rescaled. */
void ep_prelu_s8(const ep_prelu_s8_params *p, const int8_t *a, const int8_t *b, int8_t *out);

#endif
