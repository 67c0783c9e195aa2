#include "ep_concatenation_x8.h"

void ep_concatenation_x8(const ep_concatenation_x8_params *p, const void *in0, const void *in1,
                         const void *in2, const void *in3, const void *in4, const void *in5,
                         const void *in6, const void *in7, const void *in8, const void *in9, void *out)
{
    const uint8_t *from[EP_CONCATENATION_INPUTS] = {in0, in1, in2, in3, in4, in5, in6, in7, in8, in9};
    uint8_t *to = out;
    for (int32_t row = 0; row < p->rows; row++) {
        for (int32_t k = 0; k < p->inputs; k++) {
            for (int32_t i = 0; i < p->chunk_bytes[k]; i++) {
                *to++ = *from[k]++;
            }
        }
    }
}
