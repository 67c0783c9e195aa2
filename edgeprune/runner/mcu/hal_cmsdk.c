/* The serial line of a board with a UART of Arm's Cortex-M System Design Kit (DDI 0479, "APB UART"). */
#include "ep_hal.h"

#include "ep_target.h"

#define STATE_TX_FULL 1u
#define STATE_RX_FULL 2u
#define CONTROL_TX_ENABLE 1u
#define CONTROL_RX_ENABLE 2u
#define BAUD_HZ 115200u

typedef struct {
    volatile uint32_t data;
    volatile uint32_t state;
    volatile uint32_t control;
    volatile uint32_t interrupts;
    volatile uint32_t clocks_per_bit; /* 16 or more */
} uart_registers;

static uart_registers *const uart = (uart_registers *)EP_UART_ADDRESS;

void ep_hal_init(void)
{
    uart->clocks_per_bit = EP_TARGET_CLOCK_HZ / BAUD_HZ;
    uart->control = CONTROL_TX_ENABLE | CONTROL_RX_ENABLE;
}

uint8_t ep_hal_read(void)
{
    while ((uart->state & STATE_RX_FULL) == 0u) {
    }
    return (uint8_t)uart->data;
}

void ep_hal_write(uint8_t byte)
{
    while ((uart->state & STATE_TX_FULL) != 0u) {
    }
    uart->data = byte;
}

void ep_hal_flush(void)
{
}
