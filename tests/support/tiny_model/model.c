/* output[i] = 3 * first[i] + second[i % 4] + scale, as bytes. The output lies on the first input, so that a
   run destroys what was loaded. TINY_LOOPS sets how long layer 1 takes: 3 instructions a loop on Arm. */
#include "model.h"

#ifndef TINY_LOOPS
#define TINY_LOOPS 1000
#endif

const ep_io ep_model_inputs[EP_INPUT_COUNT] = {{0u, 300u}, {304u, 4u}};
const ep_io ep_model_outputs[EP_OUTPUT_COUNT] = {{0u, 300u}};
uint8_t ep_arena[EP_ARENA_BYTES] __attribute__((aligned(16)));

static volatile uint32_t scale = 7u; /* in .data: proves that it was copied */

static __attribute__((noinline)) void multiply(void)
{
    for (uint32_t i = 0u; i < 300u; i++) {
        ep_arena[i] = (uint8_t)(3u * ep_arena[i]);
    }
}

static __attribute__((noinline)) void spin(void)
{
#ifdef __arm__
    uint32_t count = TINY_LOOPS;
    __asm volatile("1: nop\n\tsubs %0, %0, #1\n\tbne 1b" : "+r"(count) : : "cc");
#endif
}

static __attribute__((noinline)) void add(void)
{
#ifdef TINY_STACK_BYTES
    volatile uint8_t deep[TINY_STACK_BYTES];
    for (uint32_t i = 0u; i < TINY_STACK_BYTES; i++) {
        deep[i] = (uint8_t)i;
    }
#endif
    for (uint32_t i = 0u; i < 300u; i++) {
        ep_arena[i] = (uint8_t)(ep_arena[i] + ep_arena[304u + i % 4u] + scale);
    }
}

void ep_model_run(void)
{
    ep_layer_begin(0u);
    multiply();
    ep_layer_end(0u);
    ep_layer_begin(1u);
    spin();
    ep_layer_end(1u);
    ep_layer_begin(2u);
    add();
    ep_layer_end(2u);
}
