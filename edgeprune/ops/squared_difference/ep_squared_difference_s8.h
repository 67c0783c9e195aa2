#ifndef EP_SQUARED_DIFFERENCE_S8_H
#define EP_SQUARED_DIFFERENCE_S8_H

#include "ep_elementwise.h"

typedef struct {
    EP_BINARY_FIELDS;
    int32_t zero_point_a;
    int32_t multiplier_a;
    int32_t shift_a;
    int32_t zero_point_b;
    int32_t multiplier_b;
    int32_t shift_b;
    int32_t zero_point;
    int32_t multiplier;
    int32_t shift;
} ep_squared_difference_s8_params;

/* out = (a - b)^2; the inputs are subtracted with 7 more bits than they have. */
void ep_squared_difference_s8(const ep_squared_difference_s8_params *p, const int8_t *a, const int8_t *b,
                              int8_t *out);

#endif
