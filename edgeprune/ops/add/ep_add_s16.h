#ifndef EP_ADD_S16_H
#define EP_ADD_S16_H

#include "ep_elementwise.h"

typedef struct {
    EP_BINARY_FIELDS;
    int32_t sign; /* 1 adds b, -1 subtracts it */
    int32_t multiplier_a;
    int32_t shift_a;
    int32_t multiplier_b;
    int32_t shift_b;
    int32_t multiplier;
    int32_t shift;
    int32_t act_min;
    int32_t act_max;
} ep_add_s16_params;

/* out = a + sign * b; the inputs are added with 15 more bits than they have. */
void ep_add_s16(const ep_add_s16_params *p, const int16_t *a, const int16_t *b, int16_t *out);

#endif
