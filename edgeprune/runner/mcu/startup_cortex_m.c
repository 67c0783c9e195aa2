/* Vector table, reset and crash handler of a Cortex-M with FPU. No interrupt is used. */
#include "cortex_m.h"
#include "ep_runner.h"

#define SCB_VTOR (*(volatile uint32_t *)0xe000ed08u)
#define SCB_CPACR (*(volatile uint32_t *)0xe000ed88u)
#define CPACR_FPU_FULL 0x00f00000u

int main(void);
_Noreturn void ep_crash(void);
_Noreturn void ep_crash_report(const uint32_t *frame);

typedef struct {
    void *initial_stack;
    void (*handlers[15])(void);
} vector_table;

__attribute__((section(".vectors"), used)) const vector_table ep_vectors = {
    ep_stack_top,
    {ep_reset, ep_crash, ep_crash, ep_crash, ep_crash, ep_crash, ep_crash, ep_crash, ep_crash, ep_crash,
     ep_crash, ep_crash, ep_crash, ep_crash, ep_crash},
};

_Noreturn void ep_reset(void)
{
    SCB_VTOR = (uint32_t)(uintptr_t)&ep_vectors;
    SCB_CPACR |= CPACR_FPU_FULL;
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

/* All faults: the stack may be the very thing that broke, so it is given up for a fresh one. */
__attribute__((naked)) void ep_crash(void)
{
    __asm volatile("mrs r0, msp\n\t"
                   "ldr r1, =ep_stack_top\n\t"
                   "msr msp, r1\n\t"
                   "b ep_crash_report");
}

/* The core left eight words at `frame`, the program counter in the seventh, if the stack still was RAM. */
_Noreturn void ep_crash_report(const uint32_t *frame)
{
    const bool is_stack = frame >= ep_stack_bottom && frame + 8 <= ep_stack_top;
    ep_runner_fault(is_stack ? frame[6] : 0u);
}
