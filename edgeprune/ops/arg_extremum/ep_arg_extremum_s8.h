#ifndef EP_ARG_EXTREMUM_S8_H
#define EP_ARG_EXTREMUM_S8_H

#include <stdint.h>

typedef struct {
    int32_t outer;
    int32_t count; /* elements along the axis, 1 or more */
    int32_t inner; /* elements from one along the axis to the next */
    int32_t is_maximum;
} ep_arg_extremum_s8_params;

/* Where along the axis the first largest, or smallest, element is. */
void ep_arg_extremum_s8(const ep_arg_extremum_s8_params *p, const int8_t *in, int32_t *out);

#endif
