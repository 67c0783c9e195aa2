#include "ep_timing.h"

#include "model.h"

/* What the counters see of nothing at all. */
static ep_counters empty_layer;

static void no_layer(void)
{
}

/* Keeps a call from becoming a jump, which the calls in the network are not. */
static inline void no_tail_call(void)
{
    __asm volatile("" ::: "memory");
}

static void one_layer(void)
{
    ep_layer_begin(0u);
    ep_layer_end(0u);
    no_tail_call();
}

static void two_layers(void)
{
    ep_layer_begin(0u);
    ep_layer_end(0u);
    ep_layer_begin(0u);
    ep_layer_end(0u);
    no_tail_call();
}

/* Called through a pointer that the compiler cannot see through, so that all runs are called alike. */
__attribute__((noinline)) static void ep_timing_count(void (*volatile run)(void), ep_counters *span)
{
    ep_counters begin;
    ep_counters end;
    ep_hal_counters(&begin);
    run();
    ep_hal_counters(&end);
    span->instructions = end.instructions - begin.instructions;
    span->cycles = end.cycles - begin.cycles;
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
    ep_counters none;
    ep_counters one;
    ep_counters two;
    ep_counters all;
    ep_hal_counting(true);
    ep_hooks_counting(true);
    ep_timing_count(no_layer, &none);
    ep_timing_count(one_layer, &one);
    ep_hooks_span(0u, &empty_layer);
    ep_timing_count(two_layers, &two);
    ep_timing_count(ep_model_run, &all);
    ep_hooks_counting(false);
    ep_hal_counting(false);
    /* `none` holds the reading of the counters, the call and the return. */
    const uint64_t layers = EP_LAYER_COUNT;
    total->instructions = without(all.instructions, none.instructions
        + layers * (two.instructions - one.instructions));
    total->cycles = without(all.cycles, none.cycles + layers * (two.cycles - one.cycles));
}

static uint32_t clip(uint64_t value)
{
    return value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
}

uint32_t ep_timing_layer_instructions(uint32_t index)
{
    ep_counters span;
    ep_hooks_span(index, &span);
    return clip(without(span.instructions, empty_layer.instructions));
}

uint32_t ep_timing_layer_cycles(uint32_t index)
{
    ep_counters span;
    ep_hooks_span(index, &span);
    return clip(without(span.cycles, empty_layer.cycles));
}
