/* A network by hand, small enough to know what it must do: see model.c. */
#ifndef MODEL_H
#define MODEL_H

#include <stdint.h>

#define EP_MODEL_NAME "tiny"
#define EP_MODEL_HASH "0123456789abcdef"
#define EP_ARENA_BYTES 512
#define EP_LAYER_COUNT 3
#define EP_INPUT_COUNT 3
#define EP_OUTPUT_COUNT 1
#define EP_STATE_BYTES 0

typedef struct {
    uint32_t offset_bytes;
    uint32_t size_bytes;
} ep_io;

extern const ep_io ep_model_inputs[EP_INPUT_COUNT];
extern const ep_io ep_model_outputs[EP_OUTPUT_COUNT];
extern uint8_t ep_arena[EP_ARENA_BYTES];

void ep_model_reset(void);
void ep_model_run(void);

void ep_layer_begin(uint32_t index);
void ep_layer_end(uint32_t index);

#endif
