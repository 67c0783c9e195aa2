/* CRC-32 as in zlib, four bits at a time: 64 bytes of table. */
#ifndef EP_CRC32_H
#define EP_CRC32_H

#include <stdint.h>

/* The CRC-32 of what came before (0 for nothing) followed by `count` bytes at `data`. */
uint32_t ep_crc32(uint32_t before, const uint8_t *data, uint32_t count);

#endif
