#include "ep_winograd_dsp.h"

/* The assembly of naked functions takes its arguments from registers. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

/* Sums may wrap on the way: what comes out at the end, 4 * the sum of the convolution, fits 32 bits.
 * Requantization is that of ep_dot_dsp.c, for sums that are 4 times as large. */

#define EP_WINOGRAD_STEP "12"

/* One column of four pixels, four channels each: down the column, d0 - d2, d1 + d2, d2 - d1, d1 - d3. On
 * the stack, which lr walks up: B0, B2, B3, A0, B1, A2, A3, A1, where A are channels 0, 2 and B 1, 3.
 * r0 pixel, r1 step to the next row, r2 to the next pixel, r3 three rows. */
#define COLUMN                       \
    "ldr    r4, [r0]\n"              \
    "ldr    r5, [r0, r1]\n"          \
    "ldr    r6, [r0, r1, lsl #1]\n"  \
    "ldr    r7, [r0, r3]\n"          \
    "add    r0, r0, r2\n"            \
    "sxtb16 r8, r4\n"                \
    "sxtb16 r9, r5\n"                \
    "sxtb16 r10, r6\n"               \
    "sxtb16 r11, r7\n"               \
    "sxtb16 r4, r4, ror #8\n"        \
    "sxtb16 r5, r5, ror #8\n"        \
    "sxtb16 r6, r6, ror #8\n"        \
    "sxtb16 r7, r7, ror #8\n"        \
    "ssub16 r8, r8, r10\n"           \
    "ssub16 r11, r9, r11\n"          \
    "sadd16 r12, r9, r10\n"          \
    "ssub16 r10, r10, r9\n"          \
    "ssub16 r4, r4, r6\n"            \
    "ssub16 r7, r5, r7\n"            \
    "sadd16 r9, r5, r6\n"            \
    "ssub16 r6, r6, r5\n"            \
    "stm    lr!, {r4, r6-r12}\n"

/* Across six columns of one row, which C0 to C5 hold, for both tiles; AT: where frequency j = 0 goes. */
#define ACROSS(C0, C1, C2, C3, C4, C5, AT)          \
    "ssub16 " C0 ", " C0 ", " C2 "\n"               \
    "ssub16 lr, " C2 ", " C4 "\n"                   \
    "strd   " C0 ", lr, [r0, #" AT "]\n"            \
    "sadd16 " C0 ", " C1 ", " C2 "\n"               \
    "sadd16 lr, " C3 ", " C4 "\n"                   \
    "strd   " C0 ", lr, [r0, #" AT " + 16]\n"       \
    "ssub16 " C2 ", " C2 ", " C1 "\n"               \
    "ssub16 " C4 ", " C4 ", " C3 "\n"               \
    "strd   " C2 ", " C4 ", [r0, #" AT " + 32]\n"   \
    "ssub16 " C1 ", " C1 ", " C3 "\n"               \
    "ssub16 " C5 ", " C3 ", " C5 "\n"               \
    "strd   " C1 ", " C5 ", [r0, #" AT " + 48]\n"

/* The two rows that all columns have at FROM; i goes to 64 * i, and to 8 more if of channels 1, 3. */
#define TWO_ACROSS(FROM, AT0, AT1)                       \
    "ldrd   r1, r2, [sp, #" FROM "]\n"                   \
    "ldrd   r3, r4, [sp, #" FROM " + 32]\n"              \
    "ldrd   r5, r6, [sp, #" FROM " + 64]\n"              \
    "ldrd   r7, r8, [sp, #" FROM " + 96]\n"              \
    "ldrd   r9, r10, [sp, #" FROM " + 128]\n"            \
    "ldrd   r11, r12, [sp, #" FROM " + 160]\n"           \
    ACROSS("r1", "r3", "r5", "r7", "r9", "r11", AT0)     \
    ACROSS("r2", "r4", "r6", "r8", "r10", "r12", AT1)

/* On the stack: six columns, patch, steps of row, pixel and three rows, to, end of the channels. */
__attribute__((naked)) void ep_winograd_inputs_dsp(const int8_t *patch, int32_t row_step, int32_t channels,
                                                   int32_t *to)
{
    __asm("push   {r4-r11, lr}\n"
          "sub    sp, sp, #216\n"
          "add    r4, r0, r2\n"
          "strd   r3, r4, [sp, #208]\n"
          "add    r3, r1, r1, lsl #1\n"
          "strd   r0, r1, [sp, #192]\n"
          "strd   r2, r3, [sp, #200]\n"
          "1:\n"
          "add    lr, sp, #192\n"
          "ldm    lr, {r0-r3}\n"
          "mov    lr, sp\n"
          ".rept 6\n"
          COLUMN
          ".endr\n"
          "ldr    r0, [sp, #208]\n"
          TWO_ACROSS("0", "8", "136")
          TWO_ACROSS("8", "200", "0")
          TWO_ACROSS("16", "72", "128")
          TWO_ACROSS("24", "192", "64")
          "add    r0, r0, #256\n"
          "ldr    r2, [sp, #192]\n"
          "ldr    r1, [sp, #212]\n"
          "adds   r2, r2, #4\n"
          "str    r0, [sp, #208]\n"
          "cmp    r2, r1\n"
          "str    r2, [sp, #192]\n"
          "bne    1b\n"
          "add    sp, sp, #216\n"
          "pop    {r4-r11, pc}\n");
}

/* One pair of channels, four filters, two tiles, at one frequency: 40 bytes. NEXT: from these inputs to
 * those that follow, the other pair of the quad or the next quad at this frequency. */
#define PAIR_MORE(NEXT)             \
    "ldrd  r4, r5, [r1], #" NEXT "\n" \
    "ldm   r0!, {r2, r3}\n"         \
    "smlad r6, r2, r4, r6\n"        \
    "smlad r7, r2, r5, r7\n"        \
    "smlad r8, r3, r4, r8\n"        \
    "smlad r9, r3, r5, r9\n"        \
    "ldm   r0!, {r2, r3}\n"         \
    "smlad r10, r2, r4, r10\n"      \
    "smlad r11, r2, r5, r11\n"      \
    "smlad r12, r3, r4, r12\n"      \
    "smlad lr, r3, r5, lr\n"

/* The same for the first pair: there are no sums yet. */
#define PAIR_FIRST                  \
    "ldrd  r4, r5, [r1], #8\n"      \
    "ldm   r0!, {r2, r3}\n"         \
    "smuad r6, r2, r4\n"            \
    "smuad r7, r2, r5\n"            \
    "smuad r8, r3, r4\n"            \
    "smuad r9, r3, r5\n"            \
    "ldm   r0!, {r2, r3}\n"         \
    "smuad r10, r2, r4\n"           \
    "smuad r11, r2, r5\n"           \
    "smuad r12, r3, r4\n"           \
    "smuad lr, r3, r5\n"

/* r0 stream, r1 inputs, r2-r5 weights and inputs, r6-r12 and lr sums. On the stack: the end of the inputs
 * of this frequency, sums, from that end back to the next frequency, end of the sums, where the first
 * round of the loop begins. */
__attribute__((naked)) const int32_t *ep_winograd_products_dsp(const int32_t *stream, const int32_t *inputs,
                                                               int32_t *sums, int32_t quads)
{
    __asm("push  {r4-r11, lr}\n"
          "sub   sp, sp, #20\n"
          "lsls  r4, r3, #8\n"
          "add   r5, r1, r4\n"
          "strd  r5, r2, [sp]\n"
          "subs  r4, r4, #16\n"
          "add   r2, r2, #512\n"
          "strd  r4, r2, [sp, #8]\n"
          "subs  r3, r3, #1\n"
          "and   r3, r3, #7\n"
          "adr   r2, 3f\n"
          "movs  r4, #80\n"
          "mls   r2, r3, r4, r2\n"
          "orr   r2, r2, #1\n"
          "str   r2, [sp, #16]\n"
          ".p2align 2\n"
          "1:\n"
          PAIR_FIRST
          PAIR_MORE("248")
          "ldr   pc, [sp, #16]\n"
          ".p2align 2\n"
          "2:\n"
          ".rept 8\n"
          PAIR_MORE("8")
          PAIR_MORE("248")
          ".endr\n"
          ".p2align 2\n"
          "3:\n"
          "ldm   sp, {r2-r5}\n"
          "cmp   r1, r2\n"
          "bne   2b\n"
          "subs  r1, r1, r4\n"
          "adds  r2, r2, #16\n"
          "stm   r3!, {r6-r12, lr}\n"
          "cmp   r3, r5\n"
          "strd  r2, r3, [sp]\n"
          "bne   1b\n"
          "add   sp, sp, #20\n"
          "pop   {r4-r11, pc}\n");
}

/* Sums of one filter, both tiles, at frequency 4 * i + j. */
#define LOAD(P, Q, I, J) "ldrd  " P ", " Q ", [r0, #128 * " I " + 32 * " J "]\n"
#define BOTH(OP, P, Q, A, B)          \
    OP "   " P ", " P ", " A "\n"     \
    OP "   " Q ", " Q ", " B "\n"

/* Column j, 1 or 2: its outputs of row 0 in P, Q and of row 1 in R, S; BIAS is added to frequency 1. */
#define MIDDLE(P, Q, R, S, J, BIAS)   \
    LOAD("r1", "r2", "1", J)          \
    BIAS                              \
    LOAD("r3", "r12", "2", J)         \
    "add   " P ", r1, r3\n"           \
    "sub   " R ", r1, r3\n"           \
    "add   " Q ", r2, r12\n"          \
    "sub   " S ", r2, r12\n"          \
    LOAD("r1", "r2", "0", J)          \
    BOTH("add", P, Q, "r1", "r2")     \
    LOAD("r3", "r12", "3", J)         \
    BOTH("sub", R, S, "r3", "r12")

/* Column 0 is added to outputs that are there, column 3 subtracted. */
#define OUTER(P, Q, R, S, J, OP, BACK)  \
    LOAD("r1", "r2", "0", J)          \
    BOTH(OP, P, Q, "r1", "r2")        \
    LOAD("r1", "r2", "1", J)          \
    BOTH(OP, P, Q, "r1", "r2")        \
    BOTH(OP, R, S, "r1", "r2")        \
    LOAD("r1", "r2", "2", J)          \
    BOTH(OP, P, Q, "r1", "r2")        \
    BOTH(BACK, R, S, "r1", "r2")      \
    LOAD("r1", "r2", "3", J)          \
    BOTH(BACK, R, S, "r1", "r2")

/* P and Q become P + Q and P - Q. */
#define CROSS(P, Q)                   \
    "add   " P ", " P ", " Q "\n"     \
    "sub   " Q ", " P ", " Q ", lsl #1\n"

#define ADD_BIAS                      \
    "ldr   r4, [lr], #4\n"            \
    "add   r1, r1, r4\n"              \
    "add   r2, r2, r4\n"

/* On the stack: sums, out, filters; lr stream. Leaves row 0, column 0 in r4, r5 (tile 0, 1), row 1, column
 * 0 in r6, r7, then column 1 of both rows in r8 to r11. */
#define OUT_BEGIN                                       \
    "push  {r1-r11, lr}\n"                              \
    "mov   lr, r0\n"                                    \
    "1:\n"                                              \
    "ldr   r0, [sp]\n"                                  \
    MIDDLE("r4", "r5", "r6", "r7", "1", ADD_BIAS)       \
    MIDDLE("r8", "r9", "r10", "r11", "2", "")           \
    CROSS("r4", "r8")                                   \
    CROSS("r5", "r9")                                   \
    CROSS("r6", "r10")                                  \
    CROSS("r7", "r11")                                  \
    OUTER("r4", "r5", "r6", "r7", "0", "add", "sub")    \
    OUTER("r8", "r9", "r10", "r11", "3", "sub", "add")  \
    "adds  r0, r0, #8\n"                                \
    "ldr   r12, [sp, #4]\n"                             \
    "ldm   lr!, {r1-r3}\n"                              \
    "str   r0, [sp]\n"

#define OUT_END                       \
    "ldr   r0, [sp, #8]\n"            \
    "adds  r12, r12, #1\n"            \
    "str   r12, [sp, #4]\n"           \
    "subs  r0, r0, #1\n"              \
    "str   r0, [sp, #8]\n"            \
    "bne   1b\n"                      \
    "mov   r0, lr\n"                  \
    "add   sp, sp, #12\n"             \
    "pop   {r4-r11, pc}\n"

#define EACH_OUTPUT(STORE)            \
    STORE("r4", "0")                  \
    STORE("r8", "4")                  \
    STORE("r5", "8")                  \
    STORE("r9", "12")                 \
    STORE("r6", "16")                 \
    STORE("r10", "20")                \
    STORE("r7", "24")                 \
    STORE("r11", "28")

#define STORE_RELU(P, AT)                                 \
    "lsl   " P ", " P ", r3\n"                            \
    "smmla " P ", " P ", r1, r2\n"                        \
    "ssat  " P ", #8, " P ", asr #" EP_WINOGRAD_STEP "\n" \
    "strb  " P ", [r12, #" AT "]\n"

/* Halves go away from zero: 1 less for negative sums. */
#define STORE_AWAY(P, AT)                 \
    "asr   " P ", " P ", #1\n"            \
    "add   r0, r2, " P ", asr #31\n"      \
    "smmlar " P ", " P ", r1, r0\n"       \
    "asr   " P ", " P ", r3\n"            \
    "ssat  " P ", #8, " P "\n"            \
    "strb  " P ", [r12, #" AT "]\n"

__attribute__((naked)) const int32_t *ep_winograd_outputs_relu_dsp(const int32_t *stream,
                                                                   const int32_t *sums, int8_t *out,
                                                                   int32_t filters)
{
    __asm(OUT_BEGIN EACH_OUTPUT(STORE_RELU) OUT_END);
}

__attribute__((naked)) const int32_t *ep_winograd_outputs_dsp(const int32_t *stream, const int32_t *sums,
                                                              int8_t *out, int32_t filters)
{
    __asm(OUT_BEGIN EACH_OUTPUT(STORE_AWAY) OUT_END);
}
