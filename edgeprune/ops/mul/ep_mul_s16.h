#ifndef EP_MUL_S16_H
#define EP_MUL_S16_H

#include "ep_elementwise.h"

typedef struct {
    EP_BINARY_FIELDS;
    int32_t multiplier;
    int32_t shift;
    int32_t act_min;
    int32_t act_max;
} ep_mul_s16_params;

/* out = a * b. */
void ep_mul_s16(const ep_mul_s16_params *p, const int16_t *a, const int16_t *b, int16_t *out);

#endif
