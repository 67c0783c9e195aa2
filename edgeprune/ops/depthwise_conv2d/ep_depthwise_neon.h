/* What depthwise convolutions with one filter a channel share on NEON: rows in a ring, 16 channels at a time.
 *
 * A row whose pixels have 1, 2, 4, 8 or 16 channels is done as if it had pixels of 16 channels when the stride is
 * 1 (`is_flat`): constants are repeated then. They are a stream, for each 16 channels: weights, as the kernel
 * says, biases with the input's zero point multiplied out, multipliers, shifts (each 16 int32). */
#ifndef EP_DEPTHWISE_NEON_H
#define EP_DEPTHWISE_NEON_H

#include "ep_requantize_neon.h"

typedef struct {
    int32_t in_h;
    int32_t in_w;
    int32_t out_h;
    int32_t out_w;
    int32_t window_h;
    int32_t window_w;
    int32_t stride_h;
    int32_t stride_w;
    int32_t dilation_h;
    int32_t dilation_w;
    int32_t pad_top;
    int32_t pad_left;
    int32_t channels;
    int32_t columns; /* that the windows span, padding included */
    int32_t in_zero_point;
    ep_output_neon output;
    int32_t is_flat;
    int32_t band;    /* rows of outputs that are made together */
    int32_t ring_at; /* in the scratch, behind what the kernel keeps there */
    const int8_t *stream;
} ep_depthwise_neon;

/* Some rows of outputs, 16 channels of them. */
typedef struct {
    const int8_t *const *rows; /* for each row of outputs window_h pointers: where its first pixel sees them */
    int32_t row_count;
    int64_t first;    /* bytes from there to these channels */
    int64_t tap;      /* bytes from a column of the window to the next */
    int64_t step;     /* from a pixel to the next */
    int64_t out_step;
    int64_t out_row;  /* from a row of outputs to the next */
    int8_t *out;
    int32_t pixels;   /* of a row; of them, the first `plain` have all 16 channels */
    int32_t plain;
    int32_t count;      /* channels of the others */
    int32_t last_count; /* and of the last */
    const int8_t *stream;
    const ep_depthwise_neon *p;
} ep_depthwise_job_neon;

typedef void ep_depthwise_rows_neon(const ep_depthwise_job_neon *job);

/* Scratch: band * window_h pointers, then the ring at ring_at. */
void ep_depthwise_neon_run(const ep_depthwise_neon *p, ep_depthwise_rows_neon *rows, int32_t tile_bytes,
                           const int8_t *in, int8_t *out, void *scratch);

#endif
