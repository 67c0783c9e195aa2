/* Dense layer with a memory of its filters' last features; int8, but for int16 time weights and state. */
#ifndef EP_SVDF_WIDE_S8_H
#define EP_SVDF_WIDE_S8_H

#include <stdint.h>

typedef struct {
    int32_t batches;
    int32_t inputs;
    int32_t units;
    int32_t rank; /* filters of each unit */
    int32_t memory;
    const int8_t *feature_weights; /* (filters, inputs) */
    const int16_t *time_weights;   /* (filters, memory) */
    const int32_t *feature_bias;   /* one for each filter: the input's zero point multiplied out */
    const int32_t *bias;           /* one for each unit */
    int32_t feature_multiplier;    /* from sums to the state */
    int32_t feature_shift;
    int32_t multiplier; /* from sums to the output */
    int32_t shift;
    int32_t state_zero_point;
    int32_t zero_point;
} ep_svdf_wide_s8_params;

/* in: (batches, inputs), out: (batches, units), state: (batches, filters, memory), kept between runs */
void ep_svdf_wide_s8(const ep_svdf_wide_s8_params *p, const int8_t *in, int8_t *out, int16_t *state);

#endif
