#ifndef EP_EXTREMUM_F32_H
#define EP_EXTREMUM_F32_H

#include "ep_elementwise.h"

typedef struct {
    EP_BINARY_FIELDS;
    int32_t is_maximum;
} ep_extremum_f32_params;

/* The larger of a and b, or the smaller; b where neither is. */
void ep_extremum_f32(const ep_extremum_f32_params *p, const float *a, const float *b, float *out);

#endif
