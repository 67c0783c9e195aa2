/* What the linker script and the start-up code of a Cortex-M tell its hal.c. */
#ifndef CORTEX_M_H
#define CORTEX_M_H

#include <stdint.h>

#include "ep_hal.h"

/* Addresses from the linker script; see device/target.py for the memory map. */
extern uint8_t ep_flash_start[];
extern uint8_t ep_flash_end[];
extern uint32_t ep_data_load[];
extern uint32_t ep_data_start[];
extern uint32_t ep_data_end[];
extern uint32_t ep_bss_start[];
extern uint32_t ep_bss_end[];
extern uint32_t ep_stack_bottom[];
extern uint32_t ep_stack_top[];

/* First code after a reset: memory, FPU, then main. */
_Noreturn void ep_reset(void);

/* ep_hal_memory, ep_hal_flash_crc32 and ep_hal_reset are the same on every Cortex-M: stack_cortex_m.c. */

/* Fill the stack below the caller with a pattern, from which its peak is read later. */
void ep_stack_paint(void);

#endif
