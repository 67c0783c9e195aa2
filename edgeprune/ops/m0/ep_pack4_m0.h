#ifndef EP_PACK4_M0_H
#define EP_PACK4_M0_H

#include <stdint.h>

/* Appends `count` >= 1 values of four pixels to a column of ep_dot4_m0: two words for each, pixel 1 *
 * 2^16 + pixel 0 and pixel 3 * 2^16 + pixel 2. Returns the column's new end. */
int32_t *ep_pack4_m0(int32_t *column, const int8_t *const *pixels, int32_t count);

#endif
