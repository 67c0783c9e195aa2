#ifndef EP_PICK4_M0_H
#define EP_PICK4_M0_H

#include <stdint.h>

/* As ep_pack4_m0, but not for neighbours: `list` has the place of each of `count` >= 1 values, in bytes
 * from where `pixels` point. */
int32_t *ep_pick4_m0(int32_t *column, const int8_t *const *pixels, const uint16_t *list, int32_t count);

#endif
