/* Runs a generated network as a program for Linux: reads the inputs of one run after the other from standard
 * input, writes the outputs. With an argument, every layer is between two marks that pi_count.py counts by. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "model.h"

enum { FILL = 0xA5, MARK = 0x45500001 };

long syscall(long number, ...);
static bool is_counting;
static uint32_t marks;

static void mark(void)
{
    if (is_counting) {
        syscall(SYS_getpriority, MARK, marks++);
    }
}

void ep_layer_begin(uint32_t index)
{
    (void)index;
    mark();
}

void ep_layer_end(uint32_t index)
{
    (void)index;
    mark();
}

/* What a kernel reads that nobody wrote is different from zero. */
static void spoil(void)
{
    if (EP_STATE_BYTES == 0) {
        memset(ep_arena, FILL, EP_ARENA_BYTES);
    }
}

int main(int count, char **words)
{
    (void)words;
    is_counting = count > 1;
    ep_model_reset();
    for (;;) {
        spoil();
        for (uint32_t i = 0; i < EP_INPUT_COUNT; i++) {
            const ep_io io = ep_model_inputs[i];
            if (fread(ep_arena + io.offset_bytes, 1, io.size_bytes, stdin) != io.size_bytes) {
                return i == 0 && feof(stdin) ? 0 : 2;
            }
        }
        ep_model_run();
        for (uint32_t i = 0; i < EP_OUTPUT_COUNT; i++) {
            const ep_io io = ep_model_outputs[i];
            if (fwrite(ep_arena + io.offset_bytes, 1, io.size_bytes, stdout) != io.size_bytes) {
                return 3;
            }
        }
    }
}
