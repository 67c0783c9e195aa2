/* A row of pixels of a depthwise convolution with nine weights a channel, for Helium.
 *
 * The constants are a stream, for each 16 channels: weights of the nine taps (9 x 16), biases with the
 * input's zero point multiplied out (16 int32), multipliers (16 int32), shifts (16 int8); these
 * three for the channels 0,4,8,12, 2,6,10,14, 1,5,9,13, 3,7,11,15. */
#ifndef EP_TAPS9_S8_MVE_H
#define EP_TAPS9_S8_MVE_H

#include <stdint.h>

typedef struct {
    const int8_t *taps[9]; /* what each tap sees of the first pixel; 15 bytes more than the pixels may be read */
    const int8_t *stream;
    int8_t *out;
    int32_t channels;   /* bytes of a pixel */
    int32_t pixels;     /* 1 or more */
    int32_t in_step;    /* from where a pixel's last 16 channels end to the next pixel, in the input */
    int32_t out_step;   /* and in the output */
    int32_t zero_point; /* of the output */
    int32_t act_min;
    int32_t act_max;
    int32_t code; /* 0: as 1, and all of int8 allowed; 1: shifts <= 0, act_min >= zero_point;
                   * 2: shifts < 0; 3: any */
    void *entry;  /* for the kernel's own use */
} ep_taps9_s8_mve;

/* Runs the pixels; changes *job. */
void ep_taps9_s8_mve_run(ep_taps9_s8_mve *job);

#endif
