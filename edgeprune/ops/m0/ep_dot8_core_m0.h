/* A row of a dense layer, eight outputs at a time: each input is loaded once for eight weights.
 *
 * Weights are stored plus 128, unsigned, because LDRB alone has immediate offsets: eight weights of
 * input 0, eight of input 1, ... Every sum begins with the bias less row_term, 128 * the row's sum.
 */
#ifndef EP_DOT8_CORE_M0_H
#define EP_DOT8_CORE_M0_H

#include "ep_m0.h"

typedef struct {
    const int8_t *in_end;
    int32_t minus_depth;
    const uint8_t *weights;
    const ep_m0_channel *channels; /* a multiple of eight */
    int8_t *out;
    int32_t out_channels;
    int32_t code_skip;   /* (-depth modulo 4) steps of 52 bytes: four steps are unrolled */
    int32_t weight_skip; /* the weights of so many steps */
    int32_t row_term;
    int32_t piece_bits;
} ep_dot8_m0_row;

#define EP_M0_TIMES(AT, SUM) \
    "ldrb r3, [r0, #" AT "]\n" \
    "muls r3, r4, r3\n" \
    "add " SUM ", r3\n"

/* One input times eight weights, but for the counter's step: 25 instructions. */
#define EP_M0_EIGHT(A, B, C, D, E, F, G, H) \
    "ldrsb r4, [r1, r2]\n" \
    EP_M0_TIMES(A, "r6") EP_M0_TIMES(B, "r7") EP_M0_TIMES(C, "r8") EP_M0_TIMES(D, "r9") \
    EP_M0_TIMES(E, "r10") EP_M0_TIMES(F, "r11") EP_M0_TIMES(G, "r12") EP_M0_TIMES(H, "lr")

#define EP_M0_BEGIN_TWO(AT0, AT1, SUM0, SUM1) \
    "ldr r6, [r5, #" AT0 "]\n" \
    "ldr r7, [r5, #" AT1 "]\n" \
    "subs r6, r6, r4\n" \
    "subs r7, r7, r4\n" \
    "mov " SUM0 ", r6\n" \
    "mov " SUM1 ", r7\n"

/* On the stack: 8 sums, then what ep_dot8_m0_row holds. */
#define EP_M0_DOT8(SIGN) \
    ".syntax unified\n" \
    EP_M0_SAVE \
    "sub sp, #72\n" \
    "add r5, sp, #32\n" \
    "ldmia r0!, {r1, r2, r3, r4, r6}\n" \
    "stmia r5!, {r1, r2, r3, r4, r6}\n" \
    "ldmia r0!, {r1, r2, r3, r4, r6}\n" \
    "stmia r5!, {r1, r2, r3, r4, r6}\n" \
    "1:\n" /* eight outputs */ \
    "ldr r5, [sp, #44]\n" \
    "ldr r4, [sp, #64]\n" \
    EP_M0_BEGIN_TWO("32", "48", "r8", "r9") \
    EP_M0_BEGIN_TWO("64", "80", "r10", "r11") \
    EP_M0_BEGIN_TWO("96", "112", "r12", "lr") \
    "ldr r6, [r5, #0]\n" \
    "ldr r7, [r5, #16]\n" \
    "subs r6, r6, r4\n" \
    "subs r7, r7, r4\n" \
    "ldr r0, [sp, #40]\n" \
    "ldr r3, [sp, #60]\n" \
    "subs r0, r0, r3\n" \
    "ldr r1, [sp, #32]\n" \
    "ldr r2, [sp, #36]\n" \
    "ldr r3, [sp, #56]\n" \
    "add pc, r3\n" \
    "nop\n" \
    "2:\n" \
    EP_M0_EIGHT("0", "1", "2", "3", "4", "5", "6", "7") \
    "adds r2, #1\n" \
    EP_M0_EIGHT("8", "9", "10", "11", "12", "13", "14", "15") \
    "adds r2, #1\n" \
    EP_M0_EIGHT("16", "17", "18", "19", "20", "21", "22", "23") \
    "adds r2, #1\n" \
    EP_M0_EIGHT("24", "25", "26", "27", "28", "29", "30", "31") \
    "adds r0, #32\n" \
    "adds r2, #1\n" \
    "bne 2b\n" \
    "str r0, [sp, #40]\n" \
    "mov r0, sp\n" \
    "stmia r0!, {r6, r7}\n" \
    "mov r3, r8\n" \
    "mov r4, r9\n" \
    "mov r5, r10\n" \
    "mov r6, r11\n" \
    "stmia r0!, {r3, r4, r5, r6}\n" \
    "mov r3, r12\n" \
    "mov r4, lr\n" \
    "stmia r0!, {r3, r4}\n" \
    "mov r6, sp\n" \
    "ldr r0, [sp, #44]\n" \
    "ldr r7, [sp, #48]\n" \
    "ldr r2, [sp, #68]\n" \
    "movs r1, #8\n" \
    "ldr r3, [sp, #52]\n" \
    "cmp r3, r1\n" \
    "bge 3f\n" \
    "movs r1, r3\n" \
    "3:\n" \
    "subs r3, r3, r1\n" \
    "str r3, [sp, #52]\n" \
    "adds r1, r1, r7\n" \
    "4:\n" /* an output */ \
    "ldmia r6!, {r3}\n" \
    EP_M0_REQUANTIZE(SIGN, "5", "15") \
    "strb r5, [r7, #0]\n" \
    "adds r7, #1\n" \
    "adds r0, #16\n" \
    "cmp r7, r1\n" \
    "bne 4b\n" \
    "str r0, [sp, #44]\n" \
    "str r7, [sp, #48]\n" \
    "ldr r3, [sp, #52]\n" \
    "cmp r3, #0\n" \
    "beq 9f\n" \
    "b 1b\n" \
    EP_M0_SATURATE("5", "15") \
    "9:\n" \
    "add sp, #72\n" \
    EP_M0_RESTORE

#endif
