/* Arm MPS2+ with AN386, as QEMU has it. Its counters do not count what a Cortex-M4 would take, so it has none. */
#include "cortex_m.h"
#include "uart_cmsdk.h"

void ep_hal_init(void)
{
    uart_init();
}

uint8_t ep_hal_read(void)
{
    return uart_read();
}

void ep_hal_write(uint8_t byte)
{
    uart_write(byte);
}

void ep_hal_flush(void)
{
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
