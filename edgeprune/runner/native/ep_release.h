/* The release that this program belongs to: the files beside it, which SHA256SUMS lists. */
#ifndef EP_RELEASE_H
#define EP_RELEASE_H

#include <stdbool.h>
#include <stdint.h>

#define EP_RELEASE_ID_DIGITS 12u

/* Length and CRC-32 of all files in the order of SHA256SUMS and of SHA256SUMS itself, read anew; of the
   program alone where there is no such list. A file that is not there counts as empty. */
uint32_t ep_release_content(uint32_t *crc);

/* The first digits of the SHA-256 of SHA256SUMS; false where there is no such list. */
bool ep_release_id(char id[EP_RELEASE_ID_DIGITS + 1u]);

#endif
