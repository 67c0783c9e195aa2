#ifndef EP_ADD_S8_M0_H
#define EP_ADD_S8_M0_H

#include <stdint.h>

typedef struct {
    int32_t count; /* >= 1 */
    int32_t factor_a;
    int32_t factor_b;
    int32_t constant;
    int32_t shift;
    int32_t act_min;
    int32_t act_max;
} ep_add_s8_m0_params;

/* out = (a * factor_a + b * factor_b + constant) >> shift, clamped; out may be a or b. */
void ep_add_s8_m0(const ep_add_s8_m0_params *p, const int8_t *a, const int8_t *b, int8_t *out);

#endif
