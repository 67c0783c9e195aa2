/* Collects the inputs of a pixel's window that filters read, for NEON.
 *
 * The list is for each run (a row of the window) some lookups: from 64 bytes of the run, 16 bytes of which those
 * with an index below 64 are taken. All lookups for the same 16 bytes together fill them. */
#ifndef EP_COLLECT_NEON_H
#define EP_COLLECT_NEON_H

#include <stdint.h>

typedef struct {
    int32_t out_bytes;      /* of a pixel: a multiple of 16; 0: there is no list */
    int32_t runs;
    const uint16_t *counts; /* of lookups, for each run */
    const int32_t *from;    /* these three for each lookup: where its 64 bytes begin in the run */
    const uint16_t *to;     /* where its 16 bytes go */
    const uint8_t *indices; /* 16 of them */
} ep_collect_list_neon;

/* For `count` pixels, the next ones `step` bytes behind the last in the runs, and out_bytes in the output. */
void ep_collect_neon(const ep_collect_list_neon *list, const int8_t *const *runs, int64_t step, int8_t *out,
                     int32_t count);

#endif
