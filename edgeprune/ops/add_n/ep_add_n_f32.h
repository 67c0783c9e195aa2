#ifndef EP_ADD_N_F32_H
#define EP_ADD_N_F32_H

#include <stdint.h>

typedef struct {
    int32_t count;
    int32_t inputs;
} ep_add_n_f32_params;

/* Adds the inputs, element by element. `inputs` pointers follow `p`, then the one to the output. */
void ep_add_n_f32(const ep_add_n_f32_params *p, ...);

#endif
