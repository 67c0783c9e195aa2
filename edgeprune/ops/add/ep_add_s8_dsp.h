/* Addition of arrays of one shape, for cores with the DSP extension. */
#ifndef EP_ADD_S8_DSP_H
#define EP_ADD_S8_DSP_H

#include <stdint.h>

typedef struct {
    int32_t count;
    int32_t zero_points_a;   /* 256 * zero point, in both halves of a word */
    int32_t zero_points_b;
    int32_t multiplier_b;
    int32_t round_b;         /* half a step of b, in quarters of a unit, and half a unit */
    int32_t toward_zero_b;   /* 4: halves of negative values of b are rounded down; 0 without a shift */
    int32_t shift_b;         /* right, of quarters of a unit */
    int32_t multiplier;
    int32_t constant;        /* half a step and the zero point, before the shift */
    int32_t shift;           /* right */
    int32_t act_min;
    int32_t act_max;
} ep_add_s8_dsp_params;

/* out = a + b, where a's scale is the larger one: it becomes half of itself, without rounding. */
void ep_add_s8_dsp(const ep_add_s8_dsp_params *p, const int8_t *a, const int8_t *b, int8_t *out);

#endif
