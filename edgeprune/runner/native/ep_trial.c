#define _GNU_SOURCE

#include "ep_trial.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ep_hal.h"
#include "ep_timing.h"
#include "model.h"

static uint64_t nanoseconds(void)
{
    ep_counters now;
    ep_hal_counters(&now);
    return now.cycles;
}

static void load_zeros(void)
{
    for (uint32_t i = 0u; i < EP_INPUT_COUNT; i++) {
        (void)memset(ep_arena + ep_model_inputs[i].offset_bytes, 0, ep_model_inputs[i].size_bytes);
    }
}

/* A call that fails and does nothing, but is seen from outside. */
static void mark(uint32_t number)
{
    (void)syscall(SYS_getpriority, EP_TRIAL_MARK, number);
}

uint64_t ep_trial_run(void)
{
    load_zeros();
    const uint64_t begin = nanoseconds();
    ep_timing_run_plain();
    return nanoseconds() - begin;
}

static int compare(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

int ep_trial_bench(uint32_t runs)
{
    uint64_t *times = malloc(sizeof *times * runs);
    if (times == NULL) {
        (void)fprintf(stderr, "runner: no memory for %" PRIu32 " times\n", runs);
        return 1;
    }
    for (uint32_t i = 0u; i < runs; i++) {
        load_zeros();
        const uint64_t begin = nanoseconds();
        mark(2u * i);
        ep_timing_run_plain();
        mark(2u * i + 1u);
        times[i] = nanoseconds() - begin;
    }
    qsort(times, runs, sizeof *times, compare);
    (void)printf("{\"runs\":%" PRIu32 ",\"median_ns\":%" PRIu64 "}\n", runs, times[runs / 2u]);
    free(times);
    return 0;
}
