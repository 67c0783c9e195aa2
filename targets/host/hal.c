/* This computer: the protocol on standard input and output. */
#include "ep_hal.h"

#include <stdio.h>
#include <stdlib.h>

#include "ep_crc32.h"

/* The program's own file is what was "flashed". */
#define OWN_FILE "/proc/self/exe"
#define STATUS_RESET 75 /* the board that runs this process starts it again */

void ep_hal_init(void)
{
}

uint8_t ep_hal_read(void)
{
    const int byte = getchar();
    if (byte == EOF) {
        exit(0);
    }
    return (uint8_t)byte;
}

void ep_hal_write(uint8_t byte)
{
    (void)putchar(byte);
}

void ep_hal_flush(void)
{
    (void)fflush(stdout);
}

void ep_hal_counting(bool on)
{
    (void)on;
}

void ep_hal_counters(ep_counters *now)
{
    now->instructions = 0u;
    now->cycles = 0u;
}

/* Length and CRC-32 of the program's file. */
static uint32_t own_file(uint32_t *crc)
{
    uint8_t block[4096];
    uint32_t length = 0u;
    FILE *file = fopen(OWN_FILE, "rb");
    *crc = 0u;
    if (file == NULL) {
        return 0u;
    }
    for (;;) {
        const size_t count = fread(block, 1, sizeof block, file);
        if (count == 0) {
            break;
        }
        *crc = ep_crc32(*crc, block, (uint32_t)count);
        length += (uint32_t)count;
    }
    (void)fclose(file);
    return length;
}

/* A process has no fixed memory map: only what is known is told, the rest is 0. */
void ep_hal_memory(ep_memory *memory)
{
    uint32_t crc;
    memory->ram_bytes = 0u;
    memory->stack_bytes = 0u;
    memory->stack_peak_bytes = 0u;
    memory->flash_bytes = own_file(&crc);
}

uint32_t ep_hal_flash_crc32(void)
{
    uint32_t crc;
    (void)own_file(&crc);
    return crc;
}

_Noreturn void ep_hal_reset(void)
{
    exit(STATUS_RESET);
}
