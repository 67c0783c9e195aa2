#ifndef EP_ADD_N_S8_H
#define EP_ADD_N_S8_H

#include <stdint.h>

typedef struct {
    int32_t count;
    int32_t inputs;
    int32_t in_zero_point;
    int32_t zero_point;
    int32_t multiplier;
    int32_t shift;
} ep_add_n_s8_params;

/* Adds the inputs, element by element. `inputs` pointers follow `p`, then the one to the output. */
void ep_add_n_s8(const ep_add_n_s8_params *p, ...);

#endif
