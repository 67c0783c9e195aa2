/* Puts bytes into their places by a list, for NEON: computed channels between constant ones. */
#ifndef EP_PICK_NEON_H
#define EP_PICK_NEON_H

#include <stdint.h>

typedef struct {
    int32_t in_bytes;       /* 64 to 256 */
    int32_t out_bytes;      /* 16 or more */
    const int8_t *base;     /* out_bytes: what is not picked */
    const uint8_t *indices; /* for each 16 bytes of the output and each 64 of the input: which of these
                             * become which of those, from 64 on: none. The last ones end where in- and
                             * output end. */
} ep_pick_list_neon;

/* For `count` pixels, the next ones in_step and out_step bytes behind the last. */
void ep_pick_neon(const ep_pick_list_neon *list, const int8_t *in, int64_t in_step, int8_t *out, int64_t out_step,
                  int32_t count);

#endif
