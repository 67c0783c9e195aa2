#ifndef EP_EXTREMUM_S8_H
#define EP_EXTREMUM_S8_H

#include "ep_elementwise.h"

typedef struct {
    EP_BINARY_FIELDS;
    int32_t is_maximum;
} ep_extremum_s8_params;

/* The larger of a and b, or the smaller; b where neither is. */
void ep_extremum_s8(const ep_extremum_s8_params *p, const int8_t *a, const int8_t *b, int8_t *out);

#endif
