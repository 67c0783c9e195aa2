#ifndef EP_ARG_EXTREMUM_F32_H
#define EP_ARG_EXTREMUM_F32_H

#include <stdint.h>

typedef struct {
    int32_t outer;
    int32_t count; /* elements along the axis, 1 or more */
    int32_t inner; /* elements from one along the axis to the next */
    int32_t is_maximum;
} ep_arg_extremum_f32_params;

/* Where along the axis the first largest, or smallest, element is. */
void ep_arg_extremum_f32(const ep_arg_extremum_f32_params *p, const float *in, int32_t *out);

#endif
