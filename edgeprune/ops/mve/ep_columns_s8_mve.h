/* Copies a row of pixels into columns, for Helium. */
#ifndef EP_COLUMNS_S8_MVE_H
#define EP_COLUMNS_S8_MVE_H

#include <stdint.h>

/* `count` pixels of `bytes` bytes, which lie one behind the other, to places `apart` bytes apart. */
void ep_columns_s8_mve_copy(int8_t *to, int32_t apart, const int8_t *from, int32_t count, int32_t bytes);

/* The same for pixels of at most 8 bytes; places: where each of 16 bytes goes, from the first. */
void ep_columns_s8_mve_scatter(int8_t *to, int32_t apart, const int8_t *from, int32_t count, int32_t bytes,
                               const uint8_t *places);

/* `bytes` bytes in one piece. */
void ep_columns_s8_mve_copy_row(int8_t *to, const int8_t *from, int32_t bytes);

/* `value` into `count` pixels at such places. */
void ep_columns_s8_mve_fill(int8_t *to, int32_t apart, int8_t value, int32_t count, int32_t bytes);

#endif
