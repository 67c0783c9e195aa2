/* Counts instructions and cycles of the whole network and of each layer. */
#ifndef EP_TIMING_H
#define EP_TIMING_H

#include <stdint.h>

#include "ep_hal.h"

/* Run the network once and count. The result is what the network itself took: the cost of reading
   the counters, around the run and around each layer, was measured before and is taken off. */
void ep_timing_run(ep_counters *total);

/* Run the network once, without counting. */
void ep_timing_run_plain(void);

/* One layer's counts in the last counted run; UINT32_MAX stands for that much or more. */
uint32_t ep_timing_layer_instructions(uint32_t index);
uint32_t ep_timing_layer_cycles(uint32_t index);

/* The counts between one pair of marks around a layer: ep_hooks.c keeps them. */
void ep_hooks_counting(bool on);
void ep_hooks_span(uint32_t index, ep_counters *span);

#endif
