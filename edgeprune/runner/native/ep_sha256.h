/* SHA-256 (FIPS 180-4). */
#ifndef EP_SHA256_H
#define EP_SHA256_H

#include <stdint.h>

#define EP_SHA256_BLOCK_BYTES 64u
#define EP_SHA256_BYTES 32u

typedef struct {
    uint32_t state[8];
    uint8_t block[EP_SHA256_BLOCK_BYTES];
    uint64_t length; /* bytes so far */
} ep_sha256;

void ep_sha256_begin(ep_sha256 *hash);
void ep_sha256_add(ep_sha256 *hash, const uint8_t *data, uint32_t count);

/* The hash of all that was added; ends it. */
void ep_sha256_end(ep_sha256 *hash, uint8_t digest[EP_SHA256_BYTES]);

#endif
