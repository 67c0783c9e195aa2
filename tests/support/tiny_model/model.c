/* output[i] = 3 * first[i] + second[i % 4] + scale, as bytes. The output lies on the first input, so that a
   run destroys what was loaded. The third input is two words, an action and its value: mischief for tests. */
#include "model.h"

#define ACTION_WRITE 1u /* to address `value` */
#define ACTION_STACK 2u /* use `value` bytes more of it, a multiple of 4 */
#define ACTION_LOOPS 3u /* layer 1 takes `value` loops of 3 instructions, on Arm */
#define ACTION_AGE 4u   /* add the runs before this one since a reset, the network's only state */
#define USUAL_LOOPS 1000u

const ep_io ep_model_inputs[EP_INPUT_COUNT] = {{0u, 300u}, {304u, 4u}, {308u, 8u}};
const ep_io ep_model_outputs[EP_OUTPUT_COUNT] = {{0u, 300u}};
uint8_t ep_arena[EP_ARENA_BYTES] __attribute__((aligned(16)));

static volatile uint32_t scale = 7u; /* in .data: proves that it was copied */

static uint32_t runs; /* in the arena, where real variables are, it would stand in every test's way */

static uint32_t word(uint32_t offset)
{
    return ep_arena[offset] | (uint32_t)ep_arena[offset + 1u] << 8 | (uint32_t)ep_arena[offset + 2u] << 16
        | (uint32_t)ep_arena[offset + 3u] << 24;
}

static uint32_t value_of(uint32_t action, uint32_t otherwise)
{
    return word(308u) == action ? word(312u) : otherwise;
}

static __attribute__((noinline)) void multiply(void)
{
    for (uint32_t i = 0u; i < 300u; i++) {
        ep_arena[i] = (uint8_t)(3u * ep_arena[i]);
    }
}

static __attribute__((noinline)) void spin(void)
{
    uint32_t count = value_of(ACTION_LOOPS, USUAL_LOOPS);
#ifdef __arm__
    __asm volatile("1: nop\n\tsubs %0, %0, #1\n\tbne 1b" : "+r"(count) : : "cc");
#endif
    (void)count;
}

/* Touch the stack `bytes` below its top, as a deep call would. */
static __attribute__((noinline)) void dig(uint32_t bytes)
{
    volatile uint32_t here = 0u;
    if (bytes != 0u) {
        *(volatile uint32_t *)((uintptr_t)&here - bytes) = here;
    }
}

static __attribute__((noinline)) void add(void)
{
    const uintptr_t address = value_of(ACTION_WRITE, 0u);
    if (address != 0u) {
        *(volatile uint8_t *)address = 1u;
    }
    const uint32_t age = word(308u) == ACTION_AGE ? runs : 0u;
    runs++;
    dig(value_of(ACTION_STACK, 0u));
    for (uint32_t i = 0u; i < 300u; i++) {
        ep_arena[i] = (uint8_t)(ep_arena[i] + ep_arena[304u + i % 4u] + scale + age);
    }
}

void ep_model_reset(void)
{
    runs = 0u;
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
