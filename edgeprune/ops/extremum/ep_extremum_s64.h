#ifndef EP_EXTREMUM_S64_H
#define EP_EXTREMUM_S64_H

#include "ep_elementwise.h"

typedef struct {
    EP_BINARY_FIELDS;
    int32_t is_maximum;
} ep_extremum_s64_params;

/* The larger of a and b, or the smaller; b where neither is. */
void ep_extremum_s64(const ep_extremum_s64_params *p, const int64_t *a, const int64_t *b, int64_t *out);

#endif
