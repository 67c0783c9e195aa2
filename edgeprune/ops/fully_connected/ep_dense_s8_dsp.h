/* Dense layers for cores with the DSP extension, without a buffer for widened inputs. */
#ifndef EP_DENSE_S8_DSP_H
#define EP_DENSE_S8_DSP_H

#include <stdint.h>

typedef struct {
    int32_t rows;
    int32_t depth; /* a multiple of 4 */
    int32_t channels;
    int32_t is_relu;       /* of the two kinds of streams */
    int32_t ends_back;     /* bytes: 48 where one block's ends are all blocks', else 0 */
    const int32_t *stream; /* see ep_direct_dsp.h */
    const int32_t *ends;
    int32_t act_min;
    int32_t act_max;
} ep_dense_s8_dsp_params;

/* in: (rows, depth), out: (rows, channels) */
void ep_dense_s8_dsp(const ep_dense_s8_dsp_params *p, const int8_t *in, int8_t *out);

#endif
