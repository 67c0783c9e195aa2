/* Dense layer with a memory of its filters' last features, in float. */
#ifndef EP_SVDF_F32_H
#define EP_SVDF_F32_H

#include <stdint.h>

typedef struct {
    int32_t batches;
    int32_t inputs;
    int32_t units;
    int32_t rank; /* filters of each unit */
    int32_t memory;
    const float *feature_weights; /* (filters, inputs) */
    const float *time_weights;    /* (filters, memory) */
    const float *bias;            /* one for each unit */
    int32_t is_raised;            /* to act_min */
    int32_t is_lowered;           /* to act_max */
    float act_min;
    float act_max;
} ep_svdf_f32_params;

/* in: (batches, inputs), out: (batches, units), state: (batches, filters, memory), kept between runs */
void ep_svdf_f32(const ep_svdf_f32_params *p, const float *in, float *out, float *state);

#endif
