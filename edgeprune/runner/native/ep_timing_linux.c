/* ep_timing.h by a clock. What reading it takes is measured once, and its least is taken off: a single reading
   may take as long as it likes where an operating system is in between. */
#include "ep_timing.h"
#include "model.h"

#define TRIES 64

static uint64_t reading_ns; /* between two readings that follow each other */

static uint64_t now(void)
{
    ep_counters counters;
    ep_hal_counters(&counters);
    return counters.cycles;
}

static void calibrate(void)
{
    reading_ns = UINT64_MAX;
    for (int i = 0; i < TRIES; i++) {
        const uint64_t begin = now();
        const uint64_t took = now() - begin;
        reading_ns = took < reading_ns ? took : reading_ns;
    }
}

static uint64_t without(uint64_t counted, uint64_t cost)
{
    return counted > cost ? counted - cost : 0u;
}

void ep_timing_run_plain(void)
{
    ep_hooks_counting(false);
    ep_model_run();
}

void ep_timing_run(ep_counters *total)
{
    if (reading_ns == 0u) {
        calibrate();
    }
    ep_hooks_counting(true);
    const uint64_t begin = now();
    ep_model_run();
    const uint64_t took = now() - begin;
    ep_hooks_counting(false);
    /* Around each layer the clock is read twice, and once around all. */
    total->cycles = without(took, reading_ns * (2u * EP_LAYER_COUNT + 1u));
    total->instructions = 0u;
}

uint32_t ep_timing_layer_instructions(uint32_t index)
{
    (void)index;
    return 0u;
}

uint32_t ep_timing_layer_cycles(uint32_t index)
{
    ep_counters span;
    ep_hooks_span(index, &span);
    const uint64_t took = without(span.cycles, reading_ns);
    return took < UINT32_MAX ? (uint32_t)took : UINT32_MAX;
}
