#ifndef EP_PLANE_M0_H
#define EP_PLANE_M0_H

#include <stdint.h>

/* A rectangle of one channel of an image. */
typedef struct {
    int32_t step;     /* from a pixel to the next, in bytes */
    int32_t skip;     /* from behind a row's last pixel to the next row's first */
    int32_t columns;  /* >= 1 */
    int32_t rows;     /* >= 1 */
    int32_t to_skip;  /* the same in the plane */
} ep_plane_m0;

/* Copies the rectangle at `from` into a plane, its values plus 128. */
void ep_gather_plane_m0(const ep_plane_m0 *plane, const int8_t *from, uint8_t *to);

#endif
