/* Memory of a Cortex-M as it is seen from inside, and its reset. */
#include "cortex_m.h"
#include "ep_crc32.h"

#define PAINT 0xa5c35a3cu
#define MARGIN_WORDS 8 /* what this function may push after it has read the stack pointer */
#define SCB_AIRCR (*(volatile uint32_t *)0xe000ed0cu)
#define AIRCR_RESET 0x05fa0004u /* the key, and SYSRESETREQ */

void ep_stack_paint(void)
{
    volatile uint32_t *end; /* volatile keeps this a loop: memset would need stack itself */
    __asm volatile("mov %0, sp" : "=r"(end));
    for (volatile uint32_t *word = ep_stack_bottom; word < end - MARGIN_WORDS; word++) {
        *word = PAINT;
    }
}

static uint32_t stack_peak_bytes(void)
{
    const uint32_t *word = ep_stack_bottom;
    while (word < ep_stack_top && *word == PAINT) {
        word++;
    }
    return (uint32_t)((uintptr_t)ep_stack_top - (uintptr_t)word);
}

void ep_hal_memory(ep_memory *memory)
{
    const uintptr_t data_bytes = (uintptr_t)ep_data_end - (uintptr_t)ep_data_start;
    const uintptr_t bss_bytes = (uintptr_t)ep_bss_end - (uintptr_t)ep_bss_start;
    memory->ram_bytes = (uint32_t)(data_bytes + bss_bytes);
    memory->stack_bytes = (uint32_t)((uintptr_t)ep_stack_top - (uintptr_t)ep_stack_bottom);
    memory->stack_peak_bytes = stack_peak_bytes();
    memory->flash_bytes = (uint32_t)((uintptr_t)ep_flash_end - (uintptr_t)ep_flash_start);
}

uint32_t ep_hal_flash_crc32(void)
{
    return ep_crc32(0u, ep_flash_start, (uint32_t)((uintptr_t)ep_flash_end - (uintptr_t)ep_flash_start));
}

_Noreturn void ep_hal_reset(void)
{
    __asm volatile("dsb" ::: "memory");
    SCB_AIRCR = AIRCR_RESET;
    for (;;) {
    }
}
