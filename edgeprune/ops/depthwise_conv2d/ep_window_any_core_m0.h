/* One channel of a depthwise convolution with any window: a tap at a time, from a list.
 *
 * The plane holds the channel's rows plus 128, with the border that the windows see.
 */
#ifndef EP_WINDOW_ANY_CORE_M0_H
#define EP_WINDOW_ANY_CORE_M0_H

#include "ep_m0.h"

typedef struct {
    int32_t offset; /* in the plane, from the window's first value */
    int32_t weight;
} ep_tap_m0;

typedef struct {
    ep_m0_channel channel;
    const ep_tap_m0 *taps;
    const ep_tap_m0 *taps_end;
    const uint8_t *row; /* the next output row's first value */
    int32_t row_step;
    int32_t rows;
    int32_t row_bytes; /* of the plane, for all outputs of a row */
    int32_t stride;
    int8_t *out;
    int32_t out_channels;
    int32_t piece_bits;
} ep_taps_m0;

/* r8: stride, r9, r10: taps, r11: out, r12: out_channels, lr: end of this row. */
#define EP_M0_WINDOW_ANY(SIGN) \
    ".syntax unified\n" \
    EP_M0_SAVE \
    "ldr r3, [r0, #40]\n" \
    "mov r8, r3\n" \
    "ldr r3, [r0, #16]\n" \
    "mov r9, r3\n" \
    "ldr r3, [r0, #20]\n" \
    "mov r10, r3\n" \
    "ldr r3, [r0, #44]\n" \
    "mov r11, r3\n" \
    "ldr r3, [r0, #48]\n" \
    "mov r12, r3\n" \
    "ldr r2, [r0, #52]\n" \
    "1:\n" /* a row */ \
    "ldr r1, [r0, #24]\n" \
    "ldr r3, [r0, #28]\n" \
    "adds r3, r3, r1\n" \
    "str r3, [r0, #24]\n" \
    "ldr r3, [r0, #36]\n" \
    "adds r3, r3, r1\n" \
    "mov lr, r3\n" \
    "2:\n" /* an output */ \
    "mov r6, r9\n" \
    "mov r3, r10\n" \
    "ldr r7, [r0, #0]\n" \
    "3:\n" /* a tap */ \
    "ldmia r6!, {r4, r5}\n" \
    "ldrb r4, [r1, r4]\n" \
    "muls r4, r5, r4\n" \
    "adds r7, r7, r4\n" \
    "cmp r6, r3\n" \
    "bne 3b\n" \
    "add r1, r8\n" \
    "movs r3, r7\n" \
    EP_M0_REQUANTIZE(SIGN, "4", "14") \
    "mov r4, r11\n" \
    "strb r5, [r4, #0]\n" \
    "add r11, r12\n" \
    "cmp r1, lr\n" \
    "bne 2b\n" \
    "ldr r3, [r0, #32]\n" \
    "subs r3, #1\n" \
    "str r3, [r0, #32]\n" \
    "bne 1b\n" \
    EP_M0_RESTORE \
    EP_M0_SATURATE("4", "14")

#endif
