/* Puts computed channels between constant ones, for Helium. */
#ifndef EP_EXPAND_S8_MVE_H
#define EP_EXPAND_S8_MVE_H

#include <stdint.h>

/* In place: `out` holds `count` pixels of `live` channels, and then of `channels`, at most 256: those of
 * `constants`, with channel i of the live ones at places[i]. scratch: live bytes */
void ep_expand_s8_mve_run(int8_t *out, int32_t count, int32_t live, int32_t channels, const int8_t *constants,
                          const uint8_t *places, int8_t *scratch);

#endif
