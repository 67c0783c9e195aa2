/* Activations other than all of int8, after kernels that only saturate. */
#ifndef EP_CLAMP_DSP_H
#define EP_CLAMP_DSP_H

#include <stdint.h>

/* Clamps to a range; does nothing where that is all of int8. */
void ep_clamp_dsp(int8_t *values, int32_t count, int32_t low, int32_t high);

#endif
