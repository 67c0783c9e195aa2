/* The rows of an image that windows see now, with padding on all sides, in a ring. */
#ifndef EP_ROWS_NEON_H
#define EP_ROWS_NEON_H

#include <stdint.h>

typedef struct {
    const int8_t *in; /* the image: (in_h, row_bytes of in_w pixels) */
    int32_t in_h;
    int32_t in_bytes;   /* of a row of the image */
    int32_t pad_top;    /* rows */
    int32_t left_bytes; /* padding before a row */
    int32_t row_bytes;  /* of a row with its padding; less than both where windows do not reach the end */
    int32_t slots;
    int32_t next; /* the padded row that is copied next */
    int8_t zero_point;
    int8_t *ring; /* slots x row_bytes, then 16 bytes that may be read */
} ep_rows_neon;

/* Fills the ring with the zero point. */
void ep_rows_neon_begin(ep_rows_neon *rows);

/* Rows, counted with the padding above the image, up to `end` are there, as many as there are slots. */
void ep_rows_neon_advance(ep_rows_neon *rows, int32_t end);

static inline const int8_t *ep_rows_neon_at(const ep_rows_neon *rows, int32_t row)
{
    return rows->ring + (int64_t)(row % rows->slots) * rows->row_bytes;
}

/* Copies bytes that do not overlap. */
void ep_copy_neon(int8_t *to, const int8_t *from, int32_t count);
void ep_fill_neon(int8_t *to, int8_t value, int32_t count);

#endif
