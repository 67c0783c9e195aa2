#ifndef EP_MUL_S32_H
#define EP_MUL_S32_H

#include "ep_elementwise.h"

typedef struct {
    EP_BINARY_FIELDS;
    int32_t act_min;
    int32_t act_max;
} ep_mul_s32_params;

/* out = a * b, wrapping. */
void ep_mul_s32(const ep_mul_s32_params *p, const int32_t *a, const int32_t *b, int32_t *out);

#endif
