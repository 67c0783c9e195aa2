#ifndef EP_EXTREMUM_S16_H
#define EP_EXTREMUM_S16_H

#include "ep_elementwise.h"

typedef struct {
    EP_BINARY_FIELDS;
    int32_t is_maximum;
} ep_extremum_s16_params;

/* The larger of a and b, or the smaller; b where neither is. */
void ep_extremum_s16(const ep_extremum_s16_params *p, const int16_t *a, const int16_t *b, int16_t *out);

#endif
