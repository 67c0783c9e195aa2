/* Runs a generated network on QEMU's mps3-an547 as often as inputs.bin says (one word), reads inputs from there
 * and writes outputs and the SysTick counts of each layer to outputs.bin, all by semihosting. */
#include "model.h"

enum { OPEN = 1, WRITE = 5, READ = 6, EXIT = 0x20 };
enum { READ_BINARY = 1, WRITE_BINARY = 5, STOPPED = 0x20026, CRASHED = 99 };

#define CPACR (*(volatile uint32_t *)0xE000ED88)
#define SYSTICK ((volatile uint32_t *)0xE000E010) /* control, reload, value */

extern uint32_t stack_top[];
static uint32_t counts[EP_LAYER_COUNT];
static uint32_t begun;

static uint32_t host(uint32_t operation, uint32_t *arguments)
{
    register uint32_t r0 __asm__("r0") = operation;
    register uint32_t *r1 __asm__("r1") = arguments;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

static uint32_t open_file(const char *name, uint32_t length, uint32_t mode)
{
    uint32_t arguments[] = {(uint32_t)name, mode, length};
    return host(OPEN, arguments);
}

static void transfer(uint32_t operation, uint32_t file, void *bytes, uint32_t count)
{
    uint32_t arguments[] = {file, (uint32_t)bytes, count};
    host(operation, arguments);
}

static void end(uint32_t status)
{
    uint32_t arguments[] = {STOPPED, status};
    host(EXIT, arguments);
    for (;;) {
    }
}

void ep_layer_begin(uint32_t index)
{
    (void)index;
    begun = SYSTICK[2];
}

void ep_layer_end(uint32_t index)
{
    counts[index] = (begun - SYSTICK[2]) & 0xFFFFFFu;
}

static void run_all(void)
{
    SYSTICK[1] = 0xFFFFFFu;
    SYSTICK[2] = 0;
    SYSTICK[0] = 5; /* on, the core's clock */
    const uint32_t in = open_file("inputs.bin", 10, READ_BINARY);
    const uint32_t out = open_file("outputs.bin", 11, WRITE_BINARY);
    uint32_t runs = 0;
    transfer(READ, in, &runs, sizeof runs);
    for (; runs > 0; runs--) {
        for (uint32_t i = 0; i < EP_ARENA_BYTES; i++) {
            ep_arena[i] = 0xA5;
        }
        for (uint32_t i = 0; i < EP_INPUT_COUNT; i++) {
            transfer(READ, in, ep_arena + ep_model_inputs[i].offset_bytes, ep_model_inputs[i].size_bytes);
        }
        ep_model_run();
        for (uint32_t i = 0; i < EP_OUTPUT_COUNT; i++) {
            transfer(WRITE, out, ep_arena + ep_model_outputs[i].offset_bytes, ep_model_outputs[i].size_bytes);
        }
        transfer(WRITE, out, counts, sizeof counts);
    }
    end(0);
}

void reset(void);

/* No vector register may be touched before they are switched on. */
void reset(void)
{
    void (*volatile next)(void) = run_all;
    CPACR |= 0xFu << 20;
    __asm__ volatile("dsb\n\tisb");
    next();
}

static void crash(void)
{
    end(CRASHED);
}

__attribute__((section(".vectors"), used)) static void *const vectors[16] = {
    stack_top,     (void *)reset, (void *)crash, (void *)crash,
    (void *)crash, (void *)crash, (void *)crash, (void *)crash,
};
