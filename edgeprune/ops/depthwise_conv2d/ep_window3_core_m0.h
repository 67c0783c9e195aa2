/* One channel of a depthwise convolution with a 3 x 3 window, three outputs at a time.
 *
 * The plane holds the channel's rows plus 128, with the border that the windows see.
 */
#ifndef EP_WINDOW3_CORE_M0_H
#define EP_WINDOW3_CORE_M0_H

#include "ep_m0.h"

typedef struct {
    ep_m0_channel channel;
    int32_t weights[9];
    const uint8_t *row; /* the next output row's first value */
    int32_t row_step;
    int32_t rows;
    int32_t triple_bytes; /* of a plane's row, for the outputs that are made three at a time */
    int32_t row_bytes;    /* for all outputs of a row */
    int32_t width;        /* of a plane's row */
    int8_t *out;
    int32_t out_channels;
    int32_t piece_bits;
    int32_t next_single; /* from the third row of an output to the first row of the next */
    int32_t next_triple;
    const uint8_t *row_end; /* set here */
} ep_window3_m0;

void ep_window3_stride1_m0(ep_window3_m0 *window);
void ep_window3_stride2_m0(ep_window3_m0 *window);
void ep_window3_stride1_signed_m0(ep_window3_m0 *window);
void ep_window3_stride2_signed_m0(ep_window3_m0 *window);

/* r0: window, r1: plane; sums in r6, r7, r10. */
#define EP_M0_TAP3(WEIGHT, X0, X1, X2) \
    "ldr r3, [r0, #" WEIGHT "]\n" \
    "ldrb r4, [r1, #" X0 "]\n" \
    "muls r4, r3, r4\n" \
    "adds r6, r6, r4\n" \
    "ldrb r4, [r1, #" X1 "]\n" \
    "muls r4, r3, r4\n" \
    "adds r7, r7, r4\n" \
    "ldrb r4, [r1, #" X2 "]\n" \
    "muls r4, r3, r4\n" \
    "add r10, r4\n"

#define EP_M0_FIRST_TAP3(X0, X1, X2) \
    "ldr r3, [r0, #16]\n" \
    "ldr r5, [r0, #0]\n" \
    "ldrb r4, [r1, #" X0 "]\n" \
    "muls r4, r3, r4\n" \
    "adds r6, r4, r5\n" \
    "ldrb r4, [r1, #" X1 "]\n" \
    "muls r4, r3, r4\n" \
    "adds r7, r4, r5\n" \
    "ldrb r4, [r1, #" X2 "]\n" \
    "muls r4, r3, r4\n" \
    "adds r4, r4, r5\n" \
    "mov r10, r4\n"

#define EP_M0_TRIPLE_STRIDE1 \
    EP_M0_FIRST_TAP3("0", "1", "2") \
    EP_M0_TAP3("20", "1", "2", "3") EP_M0_TAP3("24", "2", "3", "4") "add r1, r8\n" \
    EP_M0_TAP3("28", "0", "1", "2") EP_M0_TAP3("32", "1", "2", "3") EP_M0_TAP3("36", "2", "3", "4") \
    "add r1, r8\n" \
    EP_M0_TAP3("40", "0", "1", "2") EP_M0_TAP3("44", "1", "2", "3") EP_M0_TAP3("48", "2", "3", "4")

#define EP_M0_TRIPLE_STRIDE2 \
    EP_M0_FIRST_TAP3("0", "2", "4") \
    EP_M0_TAP3("20", "1", "3", "5") EP_M0_TAP3("24", "2", "4", "6") "add r1, r8\n" \
    EP_M0_TAP3("28", "0", "2", "4") EP_M0_TAP3("32", "1", "3", "5") EP_M0_TAP3("36", "2", "4", "6") \
    "add r1, r8\n" \
    EP_M0_TAP3("40", "0", "2", "4") EP_M0_TAP3("44", "1", "3", "5") EP_M0_TAP3("48", "2", "4", "6")

#define EP_M0_TAP1(WEIGHT, X) \
    "ldr r3, [r0, #" WEIGHT "]\n" \
    "ldrb r4, [r1, #" X "]\n" \
    "muls r4, r3, r4\n" \
    "adds r6, r6, r4\n"

#define EP_M0_SINGLE \
    "ldr r6, [r0, #0]\n" \
    EP_M0_TAP1("16", "0") EP_M0_TAP1("20", "1") EP_M0_TAP1("24", "2") "add r1, r8\n" \
    EP_M0_TAP1("28", "0") EP_M0_TAP1("32", "1") EP_M0_TAP1("36", "2") "add r1, r8\n" \
    EP_M0_TAP1("40", "0") EP_M0_TAP1("44", "1") EP_M0_TAP1("48", "2")

#define EP_M0_WINDOW_PUT(SIGN, FIX, BACK) \
    EP_M0_REQUANTIZE(SIGN, FIX, BACK) \
    "mov r4, r11\n" \
    "strb r5, [r4, #0]\n" \
    "add r11, r12\n"

/* r8: width, r9: next_triple, r11: out, r12: out_channels, lr: end of the triples in this row. */
#define EP_M0_WINDOW3(SIGN, TRIPLE) \
    ".syntax unified\n" \
    EP_M0_SAVE \
    "ldr r3, [r0, #72]\n" \
    "mov r8, r3\n" \
    "ldr r3, [r0, #92]\n" \
    "mov r9, r3\n" \
    "ldr r3, [r0, #76]\n" \
    "mov r11, r3\n" \
    "ldr r3, [r0, #80]\n" \
    "mov r12, r3\n" \
    "ldr r2, [r0, #84]\n" \
    "1:\n" /* a row */ \
    "ldr r1, [r0, #52]\n" \
    "ldr r3, [r0, #56]\n" \
    "adds r3, r3, r1\n" \
    "str r3, [r0, #52]\n" \
    "ldr r3, [r0, #68]\n" \
    "adds r3, r3, r1\n" \
    "str r3, [r0, #96]\n" \
    "ldr r3, [r0, #64]\n" \
    "adds r3, r3, r1\n" \
    "mov lr, r3\n" \
    "cmp r1, lr\n" \
    "bne 2f\n" \
    "b 3f\n" \
    "2:\n" \
    TRIPLE \
    "add r1, r9\n" \
    "movs r3, r6\n" \
    EP_M0_WINDOW_PUT(SIGN, "5", "15") \
    "movs r3, r7\n" \
    EP_M0_WINDOW_PUT(SIGN, "6", "16") \
    "mov r3, r10\n" \
    EP_M0_WINDOW_PUT(SIGN, "7", "17") \
    "cmp r1, lr\n" \
    "beq 3f\n" \
    "b 2b\n" \
    EP_M0_SATURATE("5", "15") \
    EP_M0_SATURATE("6", "16") \
    EP_M0_SATURATE("7", "17") \
    "3:\n" /* what is left of a row */ \
    "ldr r3, [r0, #96]\n" \
    "cmp r1, r3\n" \
    "beq 4f\n" \
    EP_M0_SINGLE \
    "ldr r3, [r0, #88]\n" \
    "adds r1, r1, r3\n" \
    "movs r3, r6\n" \
    EP_M0_WINDOW_PUT(SIGN, "8", "18") \
    "b 3b\n" \
    EP_M0_SATURATE("8", "18") \
    "4:\n" \
    "ldr r3, [r0, #60]\n" \
    "subs r3, #1\n" \
    "str r3, [r0, #60]\n" \
    "beq 9f\n" \
    "b 1b\n" \
    "9:\n" \
    EP_M0_RESTORE

#endif
