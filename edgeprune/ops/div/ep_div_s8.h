#ifndef EP_DIV_S8_H
#define EP_DIV_S8_H

#include "ep_elementwise.h"

typedef struct {
    EP_BINARY_FIELDS;
    int32_t zero_point_a;
    int32_t zero_point_b;
    int32_t zero_point;
    int32_t multiplier;
    int32_t shift;
    int32_t act_min;
    int32_t act_max;
} ep_div_s8_params;

/* out = a / b; op.py says what a division by 0 gives. */
void ep_div_s8(const ep_div_s8_params *p, const int8_t *a, const int8_t *b, int8_t *out);

#endif
