/* What the kernels for Armv6-M share: channel records, requantisation, 4-pixel columns.
 *
 * The cores are naked functions: the register allocation is the algorithm. Thumb-1 computes on r0-r7
 * alone; of r8-r12 and lr it can add, move and compare.
 */
#ifndef EP_M0_H
#define EP_M0_H

#include <stdint.h>

/* How sums of one channel become outputs: m0/requantize.py. */
typedef struct {
    int32_t bias;
    int32_t top;
    uint16_t a;
    uint16_t b;
    uint16_t c;
    uint8_t shift;
    uint8_t runs; /* of weights, of ep_dot4_m0; 0: the output is always the upper half of `top` */
} ep_m0_channel;

_Static_assert(sizeof(ep_m0_channel) == 16, "a record is what m0/requantize.py writes");

/* x in r3 to an int8 in r5, before it is clamped in r4; r0: the channel's record, r2: piece bits in the
 * low byte. SIGN is EP_M0_RISING or EP_M0_SIGNED, FIX the label of EP_M0_SATURATE, which returns to
 * BACK. Changes r3. */
#define EP_M0_REQUANTIZE(SIGN, FIX, BACK) \
    "ldrh r4, [r0, #12]\n" \
    "muls r4, r3, r4\n" \
    "asrs r4, r2\n" \
    "ldrh r5, [r0, #10]\n" \
    "muls r5, r3, r5\n" \
    "adds r4, r4, r5\n" \
    "asrs r4, r2\n" \
    "ldrh r5, [r0, #8]\n" \
    "muls r5, r3, r5\n" \
    "adds r4, r4, r5\n" SIGN \
    "ldr r5, [r0, #4]\n" \
    "adds r4, r4, r5\n" \
    "ldrb r5, [r0, #14]\n" \
    "asrs r4, r5\n" \
    "sxtb r5, r4\n" \
    "cmp r5, r4\n" \
    "bne " FIX "f\n" BACK ":\n"

#define EP_M0_RISING ""
#define EP_M0_SIGNED \
    "asrs r3, r3, #31\n" \
    "lsls r3, r3, #9\n" \
    "adds r4, r4, r3\n"

/* -128 or 127, by the sign of r4. */
#define EP_M0_SATURATE(FIX, BACK) \
    FIX ":\n" \
    "asrs r5, r4, #31\n" \
    "movs r4, #127\n" \
    "eors r5, r4\n" \
    "b " BACK "b\n"

#define EP_M0_SAVE \
    "push {r4, r5, r6, r7, lr}\n" \
    "mov r4, r8\n" \
    "mov r5, r9\n" \
    "mov r6, r10\n" \
    "mov r7, r11\n" \
    "push {r4, r5, r6, r7}\n"

#define EP_M0_RESTORE \
    "pop {r4, r5, r6, r7}\n" \
    "mov r8, r4\n" \
    "mov r9, r5\n" \
    "mov r10, r6\n" \
    "mov r11, r7\n" \
    "pop {r4, r5, r6, r7, pc}\n"

#endif
