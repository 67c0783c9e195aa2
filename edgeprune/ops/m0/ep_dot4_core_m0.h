/* All output channels of up to four pixels of a convolution, two pixels to a multiplication.
 *
 * A column holds two words for each weight of a filter: pixel 1 * 2^16 + pixel 0 and pixel 3 * 2^16 +
 * pixel 2, both signed. One MULS by a weight makes two products, one ADDS adds them to the sums of both
 * pixels, as long as the lower sum stays within 16 bits. m0/runs.py cuts each filter into runs that are
 * short enough for that whatever the pixels are. After each run the upper sum is added to its total; the
 * lower total is found at the end, from the total of the words and that of the upper sums.
 *
 * A filter's bytes: for each run the distance of its first step from the code's (see EP_M0_STEP), then
 * its weights.
 */
#ifndef EP_DOT4_CORE_M0_H
#define EP_DOT4_CORE_M0_H

#include "ep_m0.h"

typedef struct {
    int8_t *out[4]; /* the first channel of each pixel; a pixel that is not there repeats another */
    const int32_t *column;
    const int32_t *column_end;
    const int8_t *weights;
    const ep_m0_channel *channels;
    int32_t out_channels;
    int32_t piece_bits;
} ep_dot4_m0_group;

/* One weight times four pixels. r0: column, r1 + r2: weights, r6, r7: sums of this run. 14 bytes. */
#define EP_M0_STEP \
    "ldmia r0!, {r4, r5}\n" \
    "ldrsb r3, [r1, r2]\n" \
    "adds r1, #1\n" \
    "muls r4, r3, r4\n" \
    "muls r5, r3, r5\n" \
    "adds r6, r6, r4\n" \
    "adds r7, r7, r5\n"

#define EP_M0_STEPS_5 EP_M0_STEP EP_M0_STEP EP_M0_STEP EP_M0_STEP EP_M0_STEP

/* Sum in r3 to an output at the pixel's pointer, [sp + AT]; r7: channel. */
#define EP_M0_PUT(SIGN, AT, FIX, BACK) \
    EP_M0_REQUANTIZE(SIGN, FIX, BACK) \
    "ldr r4, [sp, #" AT "]\n" \
    "strb r5, [r4, r7]\n"

/* The lower sum of a pair of pixels: total of words - total of upper sums * 2^16. */
#define EP_M0_LOWER(WORDS, UPPER) \
    "mov r3, " WORDS "\n" \
    "mov r4, " UPPER "\n" \
    "lsls r4, r4, #16\n" \
    "subs r3, r3, r4\n"

/* r2: 2^15 + piece bits, which every run's sums begin with: it makes the lower sum positive, so that the
 * upper one can be shifted out, and its low byte is what EP_M0_REQUANTIZE shifts by.
 * r8, r10: totals of words; r9, r11: of upper sums; r12: channel's record; lr: end of the column.
 * On the stack: 4 outputs, column, channel, channels. */
#define EP_M0_DOT4(SIGN) \
    ".syntax unified\n" \
    EP_M0_SAVE \
    "sub sp, #28\n" \
    "mov r5, sp\n" \
    "ldmia r0!, {r1, r2, r3, r4}\n" \
    "stmia r5!, {r1, r2, r3, r4}\n" \
    "ldmia r0!, {r1, r2, r3, r4}\n" \
    "mov lr, r2\n" \
    "mov r12, r4\n" \
    "ldmia r0!, {r4, r6}\n" \
    "movs r2, #0\n" \
    "stmia r5!, {r1, r2, r4}\n" \
    "movs r2, #1\n" \
    "lsls r2, r2, #15\n" \
    "adds r2, r2, r6\n" \
    "subs r1, r3, r2\n" \
    "b 1f\n" \
    "8:\n" /* a filter whose output never changes */ \
    "ldr r7, [sp, #20]\n" \
    "ldrh r5, [r0, #6]\n" \
    "ldr r4, [sp, #0]\n" \
    "strb r5, [r4, r7]\n" \
    "ldr r4, [sp, #4]\n" \
    "strb r5, [r4, r7]\n" \
    "ldr r4, [sp, #8]\n" \
    "strb r5, [r4, r7]\n" \
    "ldr r4, [sp, #12]\n" \
    "strb r5, [r4, r7]\n" \
    "b 3f\n" \
    "1:\n" /* a filter */ \
    "mov r0, r12\n" \
    "ldrb r4, [r0, #15]\n" \
    "muls r4, r2, r4\n" \
    "beq 8b\n" \
    "ldr r5, [r0, #0]\n" \
    "mov r9, r5\n" \
    "mov r11, r5\n" \
    "lsls r6, r5, #16\n" \
    "adds r5, r5, r6\n" \
    "subs r5, r5, r4\n" \
    "mov r8, r5\n" \
    "mov r10, r5\n" \
    "ldr r0, [sp, #16]\n" \
    "2:\n" /* a run: its first step begins new sums */ \
    "ldrb r3, [r1, r2]\n" \
    "adds r1, #1\n" \
    "ldmia r0!, {r4, r5}\n" \
    "ldrsb r6, [r1, r2]\n" \
    "adds r1, #1\n" \
    "muls r4, r6, r4\n" \
    "muls r5, r6, r5\n" \
    "adds r6, r4, r2\n" \
    "adds r7, r5, r2\n" \
    "add pc, r3\n" \
    "nop\n" \
    EP_M0_STEPS_5 EP_M0_STEPS_5 EP_M0_STEPS_5 \
    "add r8, r6\n" \
    "asrs r6, r6, #16\n" \
    "add r9, r6\n" \
    "add r10, r7\n" \
    "asrs r7, r7, #16\n" \
    "add r11, r7\n" \
    "cmp r0, lr\n" \
    "bne 2b\n" \
    "mov r0, r12\n" \
    "ldr r7, [sp, #20]\n" \
    EP_M0_LOWER("r8", "r9") \
    EP_M0_PUT(SIGN, "0", "4", "14") \
    "mov r3, r9\n" \
    EP_M0_PUT(SIGN, "4", "5", "15") \
    EP_M0_LOWER("r10", "r11") \
    EP_M0_PUT(SIGN, "8", "6", "16") \
    "mov r3, r11\n" \
    EP_M0_PUT(SIGN, "12", "7", "17") \
    "3:\n" /* the next filter */ \
    "adds r7, #1\n" \
    "str r7, [sp, #20]\n" \
    "movs r3, #16\n" \
    "add r12, r3\n" \
    "ldr r3, [sp, #24]\n" \
    "cmp r7, r3\n" \
    "beq 9f\n" \
    "b 1b\n" \
    EP_M0_SATURATE("4", "14") \
    EP_M0_SATURATE("5", "15") \
    EP_M0_SATURATE("6", "16") \
    EP_M0_SATURATE("7", "17") \
    "9:\n" \
    "add sp, #28\n" \
    EP_M0_RESTORE

#endif
