/* The counters of a virtual board: a device that exists nowhere else
   (edgeprune/device/emulator/unicorn_board.py is its other side). */
#include "ep_hal.h"

typedef struct {
    volatile uint32_t control; /* 1 while counting: takes effect before it reads back */
    volatile uint32_t latch;   /* a read freezes all four below */
    volatile uint32_t instructions_low;
    volatile uint32_t instructions_high;
    volatile uint32_t cycles_low;
    volatile uint32_t cycles_high;
} counter_registers;

static counter_registers *const counter = (counter_registers *)0x40010000u;

void ep_hal_counting(bool on)
{
    const uint32_t wanted = on ? 1u : 0u;
    counter->control = wanted;
    while (counter->control != wanted) {
    }
}

void ep_hal_counters(ep_counters *now)
{
    (void)counter->latch;
    now->instructions = ((uint64_t)counter->instructions_high << 32) | counter->instructions_low;
    now->cycles = ((uint64_t)counter->cycles_high << 32) | counter->cycles_low;
}
