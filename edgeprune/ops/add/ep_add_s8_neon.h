/* Sum of two arrays of equal shape, for NEON, bit for bit as ep_add_s8.
 *
 * One input, `x`, has the larger scale: its factor is exactly 1/2, its rescaling a shift. */
#ifndef EP_ADD_S8_NEON_H
#define EP_ADD_S8_NEON_H

#include "ep_requantize_neon.h"

typedef struct {
    int32_t count;
    int32_t x_is_second; /* x is the second argument */
    int32_t zero_point_x;
    int32_t zero_point_y;
    int32_t multiplier_y;
    int32_t shift_y; /* 0 only if y's factor is 1/2 too */
    int32_t multiplier;
    int32_t shift; /* less than 0 */
    int32_t is_careful; /* some sum of two inputs has halves that must be rounded away from zero */
    ep_output_neon output;
} ep_add_s8_neon_params;

/* out = a + b */
void ep_add_s8_neon(const ep_add_s8_neon_params *p, const int8_t *a, const int8_t *b, int8_t *out);

#endif
