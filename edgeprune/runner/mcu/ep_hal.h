/* What a target gives the runner. Each target's hal.c implements all of it. */
#ifndef EP_HAL_H
#define EP_HAL_H

#include <stdbool.h>
#include <stdint.h>

/* Both count up and never wrap. Which of them a target has is EP_TARGET_COUNTERS in ep_target.h. */
typedef struct {
    uint64_t instructions;
    uint64_t cycles;
} ep_counters;

typedef struct {
    uint32_t ram_bytes; /* .data and .bss, the arena included */
    uint32_t stack_bytes;
    uint32_t stack_peak_bytes;
    uint32_t flash_bytes; /* all that was programmed */
} ep_memory;

/* Clocks, pins, UART. Runs once, before anything else here. */
void ep_hal_init(void);

/* The next byte from the host; waits for it. */
uint8_t ep_hal_read(void);

/* Sends a byte; may keep it until ep_hal_flush. */
void ep_hal_write(uint8_t byte);
void ep_hal_flush(void);

/* Counters cost time on some boards, so they only run when wanted. */
void ep_hal_counting(bool on);
void ep_hal_counters(ep_counters *now);

void ep_hal_memory(ep_memory *memory);

/* CRC-32 of everything that was programmed. */
uint32_t ep_hal_flash_crc32(void);

_Noreturn void ep_hal_reset(void);

#endif
