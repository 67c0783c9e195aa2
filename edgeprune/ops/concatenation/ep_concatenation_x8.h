#ifndef EP_CONCATENATION_X8_H
#define EP_CONCATENATION_X8_H

#include <stdint.h>

#define EP_CONCATENATION_INPUTS 10

typedef struct {
    int32_t rows; /* product of the dimensions before the axis */
    int32_t inputs;
    int32_t chunk_bytes[EP_CONCATENATION_INPUTS]; /* of one row of each input */
} ep_concatenation_x8_params;

/* Joins the first `inputs` inputs row by row; the other pointers are not read. */
void ep_concatenation_x8(const ep_concatenation_x8_params *p, const void *in0, const void *in1,
                         const void *in2, const void *in3, const void *in4, const void *in5,
                         const void *in6, const void *in7, const void *in8, const void *in9, void *out);

#endif
