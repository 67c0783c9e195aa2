/* The marks around every layer. They are in a file of their own so that the generated network and
   the calibration in ep_timing.c call the very same code: what it costs can then be taken off exactly. */
#include "ep_timing.h"
#include "model.h"

static bool counting;
static ep_counters begin;
static ep_counters spans[EP_LAYER_COUNT];

void ep_layer_begin(uint32_t index)
{
    (void)index;
    if (counting) {
        ep_hal_counters(&begin);
    }
}

void ep_layer_end(uint32_t index)
{
    if (counting) {
        ep_counters end;
        ep_hal_counters(&end);
        spans[index].instructions = end.instructions - begin.instructions;
        spans[index].cycles = end.cycles - begin.cycles;
    }
}

void ep_hooks_counting(bool on)
{
    counting = on;
}

void ep_hooks_span(uint32_t index, ep_counters *span)
{
    *span = spans[index];
}
