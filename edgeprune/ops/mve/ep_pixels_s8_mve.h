/* Pixels that filters can read where they are, but for the last, behind which memory may end. */
#ifndef EP_PIXELS_S8_MVE_H
#define EP_PIXELS_S8_MVE_H

#include "ep_filters_s8_mve.h"

/* As ep_filters_s8_mve_run on `count` pixels of `depth` bytes, of an input that ends at `end`; scratch:
 * 16 * f->steps bytes, not used if depth is a multiple of 16. */
void ep_pixels_s8_mve_run(const ep_filters_s8_mve *f, const int8_t *in, int32_t step, int32_t count,
                          int32_t depth, const int8_t *end, int8_t *out, int8_t *scratch);

#endif
