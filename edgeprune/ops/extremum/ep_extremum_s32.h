#ifndef EP_EXTREMUM_S32_H
#define EP_EXTREMUM_S32_H

#include "ep_elementwise.h"

typedef struct {
    EP_BINARY_FIELDS;
    int32_t is_maximum;
} ep_extremum_s32_params;

/* The larger of a and b, or the smaller; b where neither is. */
void ep_extremum_s32(const ep_extremum_s32_params *p, const int32_t *a, const int32_t *b, int32_t *out);

#endif
