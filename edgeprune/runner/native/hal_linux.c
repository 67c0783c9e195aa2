/* A computer with Linux: lines are ep_server's, the counter of cycles is a clock that counts nanoseconds. */
#define _GNU_SOURCE

#include "hal_linux.h"

#include <link.h>
#include <setjmp.h>
#include <string.h>
#include <sys/auxv.h>
#include <time.h>

#include "ep_hal.h"
#include "ep_release.h"
#include "ep_runner.h"
#include "ep_server.h"
#include "model.h"

static jmp_buf power_on;

void ep_hal_init(void)
{
}

uint8_t ep_hal_read(void)
{
    return ep_server_read();
}

void ep_hal_write(uint8_t byte)
{
    ep_server_write(byte);
}

void ep_hal_flush(void)
{
    ep_server_flush();
}

void ep_hal_counting(bool on)
{
    (void)on;
}

void ep_hal_counters(ep_counters *now)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    now->instructions = 0u;
    now->cycles = UINT64_C(1000000000) * (uint64_t)time.tv_sec + (uint64_t)time.tv_nsec;
}

/* What the program's file says it needs for variables. The stack is the system's, which makes it longer. */
static uint32_t variable_bytes(void)
{
    const ElfW(Phdr) *segment = (const ElfW(Phdr) *)getauxval(AT_PHDR);
    uint64_t sum = 0u;
    for (uint64_t i = getauxval(AT_PHNUM); i > 0u; i--, segment++) {
        if (segment->p_type == PT_LOAD && (segment->p_flags & PF_W) != 0u) {
            sum += segment->p_memsz;
        }
    }
    return (uint32_t)sum;
}

void ep_hal_memory(ep_memory *memory)
{
    uint32_t crc;
    memory->ram_bytes = variable_bytes();
    memory->stack_bytes = 0u;
    memory->stack_peak_bytes = 0u;
    memory->flash_bytes = ep_release_content(&crc);
}

uint32_t ep_hal_flash_crc32(void)
{
    uint32_t crc;
    (void)ep_release_content(&crc);
    return crc;
}

/* The line stays: to the host it is as if a board behind it had started again. */
_Noreturn void ep_hal_reset(void)
{
    longjmp(power_on, 1);
}

_Noreturn void ep_linux_serve(void)
{
    (void)setjmp(power_on);
    (void)memset(ep_arena, 0, EP_ARENA_BYTES);
    ep_runner();
}
