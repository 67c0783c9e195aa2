#ifndef EP_RESIZE_BILINEAR_F32_H
#define EP_RESIZE_BILINEAR_F32_H

#include <stdint.h>

typedef struct {
    int32_t batches;
    int32_t in_h;
    int32_t in_w;
    int32_t out_h;
    int32_t out_w;
    int32_t channels;
    const uint16_t *lower_rows; /* the input's two rows for each row of the output */
    const uint16_t *upper_rows;
    const float *rows_weight; /* of the second one: the first neighbour has the rest */
    const uint16_t *lower_columns;
    const uint16_t *upper_columns;
    const float *columns_weight;
} ep_resize_bilinear_f32_params;

/* Every pixel of the output is four of the input, by their weights. */
void ep_resize_bilinear_f32(const ep_resize_bilinear_f32_params *p, const float *in, float *out);

#endif
