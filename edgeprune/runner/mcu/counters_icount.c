/* Instructions on a board that QEMU emulates with `-icount shift=0`, where each takes one nanosecond.

   The SysTick counts down once in 31.25, 40 or 50 instructions, by the board's clock. To know the very
   instruction of a reading, a loop looks for the next TURN edges of the tick. One turn of it takes TURN
   instructions, which has no divisor in common with the instructions of a tick, so that the edges fall
   once on each place in a turn. With n(j) the turns before edge j is seen, the loop began

       edge(1) + TICK * (TURN - 1) / 2 - (n(1) + ... + n(TURN)) + a constant

   Proof: begin + TURN * n(j) is 0 to TURN - 1 behind edge(j), each of these once; the mean over all j is
   the line above. Constants fall out of differences. What readings and interrupts take themselves is
   known and taken off, so the counter stands still meanwhile.

   An interrupt counts how often the SysTick wrapped. Cycles stay 0: QEMU knows nothing of them. */
#include "ep_hal.h"

#include "ep_target.h"

#define CLOCK EP_TARGET_CLOCK_HZ
#define SECOND UINT64_C(1000000000) /* in nanoseconds */
/* 1 << SHIFT periods of the clock are a tick: four at 32 MHz, where one is no whole number. */
#define SHIFT (SECOND % CLOCK == 0u ? 0u : 2u)
#define VALUE_BITS 24u /* of the SysTick */
#define BITS (VALUE_BITS - SHIFT)
#define TICK ((uint32_t)((SECOND << SHIFT) / CLOCK))
#define TURN 7u
#define HANDLER 5u
_Static_assert((SECOND << SHIFT) % CLOCK == 0u, "a tick is no whole number of instructions");
_Static_assert(TICK % TURN != 0u && TICK > TURN, "the loop fits no tick of this length");

#define CONTROL_ON 7u /* enable, interrupt, core clock */
#define PENDING_SYSTICK 26u

typedef struct {
    volatile uint32_t control;
    volatile uint32_t reload;
    volatile uint32_t value;
} systick_registers;

static systick_registers *const systick = (systick_registers *)0xe000e010u;
static volatile uint32_t *const interrupt_state = (volatile uint32_t *)0xe000ed04u;

void ep_systick(void);
extern volatile uint32_t ep_systick_wraps;
volatile uint32_t ep_systick_wraps;
static uint64_t spent; /* instructions in earlier readings */

/* The SysTick's interrupt: HANDLER instructions. */
__attribute__((naked)) void ep_systick(void)
{
    __asm volatile("ldr r0, =ep_systick_wraps\n\t"
                   "ldr r1, [r0]\n\t"
                   "add r1, r1, #1\n\t"
                   "str r1, [r0]\n\t"
                   "bx lr");
}

void ep_hal_counting(bool on)
{
    systick->control = 0u;
    ep_systick_wraps = 0u;
    spent = 0u;
    if (on) {
        systick->reload = (1u << VALUE_BITS) - 1u;
        systick->value = 0u;
        systick->control = CONTROL_ON;
    }
}

/* The interrupt comes when the value goes from 1 to 0. Less 1 and modulo 2^VALUE_BITS, that is from 0 to
   the highest; ticks are what is left of it without its lowest SHIFT bits. */
void ep_hal_counters(ep_counters *now)
{
    uint32_t first; /* the tick at the first look, TURN - 3 instructions before the loop's */
    uint32_t last;
    uint32_t left; /* edges still to come, in the highest bits */
    uint32_t turns = 0u;
    __asm volatile("cpsid i\n\t"
                   "ldr %[first], [%[value]]\n\t"
                   "sub %[first], %[first], #1\n\t"
                   "ubfx %[first], %[first], %[shift], %[bits]\n\t"
                   "sub %[last], %[first], %[turn]\n"
                   "1:\n\t"
                   "ldr %[left], [%[value]]\n\t"
                   "sub %[left], %[left], #1\n\t"
                   "ubfx %[left], %[left], %[shift], %[bits]\n\t"
                   "sub %[left], %[left], %[last]\n\t"
                   "lsls %[left], %[left], %[unused]\n\t"
                   "add %[turns], %[turns], %[left], lsr %[unused]\n\t"
                   "bne 1b"
                   : [first] "=&r"(first), [last] "=&r"(last), [left] "=&r"(left), [turns] "+&r"(turns)
                   : [value] "r"(&systick->value), [shift] "i"(SHIFT), [bits] "i"(BITS), [turn] "i"(TURN),
                   [unused] "i"(32u - BITS)
                   : "cc", "memory");
    const uint32_t wraps = ep_systick_wraps;
    /* A wrap that waits for its interrupt was before the first look if that saw a high value. */
    const uint32_t waiting = *interrupt_state >> PENDING_SYSTICK & first >> (BITS - 1u);
    const uint64_t ticks = ((uint64_t)(wraps + waiting) << BITS) + ((1u << BITS) - 1u - first);
    now->instructions = ticks * TICK - turns - HANDLER * (uint64_t)wraps - spent;
    now->cycles = 0u;
    const uint32_t turns_of_last = ((TURN - 1u) / 2u * (TICK + 1u) + turns) / TURN;
    spent += TURN * (uint64_t)(turns_of_last + 1u);
    __asm volatile("cpsie i" ::: "memory");
}
