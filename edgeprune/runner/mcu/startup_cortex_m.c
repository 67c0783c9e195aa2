/* Vector table, reset and crash handler of any Cortex-M; only the SysTick's interrupt is ever used. */
#include "cortex_m.h"
#include "ep_runner.h"

#define SCB_VTOR (*(volatile uint32_t *)0xe000ed08u)
#define SCB_CPACR (*(volatile uint32_t *)0xe000ed88u)
#define CPACR_FPU_FULL 0x00f00000u /* coprocessors 10 and 11: FPU and MVE */

int main(void);
_Noreturn void ep_crash(void);
_Noreturn void ep_crash_report(const uint32_t *frame);
_Noreturn __attribute__((weak, alias("ep_crash"))) void ep_systick(void); /* counters_icount.c has one that returns */

typedef struct {
    void *initial_stack;
    void (*handlers[15])(void);
} vector_table;

/* The table's address is a multiple of its size, rounded up to a power of two with some interrupts. */
__attribute__((section(".vectors"), used, aligned(256))) const vector_table ep_vectors = {
    ep_stack_top,
    {ep_reset, ep_crash, ep_crash, ep_crash, ep_crash, ep_crash, ep_crash, ep_crash, ep_crash, ep_crash,
     ep_crash, ep_crash, ep_crash, ep_crash, ep_systick},
};

_Noreturn void ep_reset(void)
{
#if __ARM_ARCH != 6 /* the M0+ may have a VTOR, the M0 has none: there the vectors are where they must be */
    SCB_VTOR = (uint32_t)(uintptr_t)&ep_vectors;
#endif
#ifdef __ARM_FP
    SCB_CPACR |= CPACR_FPU_FULL;
#endif
    __asm volatile("dsb\n\tisb" ::: "memory");
    const uint32_t *from = ep_data_load;
    for (uint32_t *to = ep_data_start; to < ep_data_end; to++) {
        *to = *from++;
    }
    for (uint32_t *to = ep_bss_start; to < ep_bss_end; to++) {
        *to = 0u;
    }
    ep_stack_paint();
    (void)main();
    ep_crash();
}

/* All faults: the stack may be the very thing that broke, so it is given up for a fresh one.
   Armv6-M branches no further than 2 KiB, so the address is loaded. */
__attribute__((naked)) void ep_crash(void)
{
    __asm volatile("mrs r0, msp\n\t"
                   "ldr r1, =ep_stack_top\n\t"
                   "msr msp, r1\n\t"
                   "ldr r1, =ep_crash_report\n\t"
                   "bx r1\n\t"
                   ".ltorg");
}

/* The core left eight words at `frame`, the program counter in the seventh, if the stack still was RAM. */
_Noreturn void ep_crash_report(const uint32_t *frame)
{
    const bool is_stack = frame >= ep_stack_bottom && frame + 8 <= ep_stack_top;
    ep_runner_fault(is_stack ? frame[6] : 0u);
}
