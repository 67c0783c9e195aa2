/* What is common to the cores that multiply blocks of four filters by two pixels: ep_dot_dsp.c, which tells
 * what is on the stack, and ep_columns_dsp.c. */
#ifndef EP_DOT_CORE_DSP_H
#define EP_DOT_CORE_DSP_H

/* A halfword of weights is 256 * b + a for two filters a and b. Multiplied as it is, it adds
 * 256 * Sb + Sa to a sum A; SXTB16 leaves a, which adds Sa to a sum S. At the end 256 * Sb = A - S,
 * whatever wrapped on the way: two filters for one SXTB16.
 *
 * Requantization, away: SMMLAR(2 * sum, multiplier, c + sign) >> n, where c holds half a step and the
 * zero point, and sign is -1 for negative sums: halves go away from zero.
 * Where results below the zero point are clamped, their rounding does not matter: sums are shifted such
 * that each channel's steps are 2^EP_DOT_STEP, and SSAT shifts by a constant.
 *
 * r0 stream, r1 inputs, r2-r5 weights and inputs, r6-r12 and lr sums: all registers that there are.
 */

#define EP_DOT_STEP "12"

/* First words of a block, the sums of pixel 0: A of filters 0 and 1, S of 0, A of 2 and 3, S of 2. */
#define TWO_BEGIN                      \
    "1:\n"                             \
    "ldm   r0!, {r6, r8, r10, r12}\n"  \
    "ldr   r1, [sp, #4]\n"             \
    "ldm   r0!, {r2, r3}\n"            \
    "ldm   r1!, {r4, r5}\n"            \
    "smlad r7, r2, r5, r6\n"           \
    "smlad r6, r2, r4, r6\n"           \
    "smlad r11, r3, r5, r10\n"         \
    "smlad r10, r3, r4, r10\n"         \
    "sxtb16 r2, r2\n"                  \
    "sxtb16 r3, r3\n"                  \
    "smlad r9, r2, r5, r8\n"           \
    "smlad r8, r2, r4, r8\n"           \
    "smlad lr, r3, r5, r12\n"          \
    "smlad r12, r3, r4, r12\n"

/* 44 bytes: two inputs of two pixels, four filters. */
#define TWO_STEP              \
    "ldm   r0!, {r2, r3}\n"   \
    "ldm   r1!, {r4, r5}\n"   \
    "smlad r6, r2, r4, r6\n"  \
    "smlad r7, r2, r5, r7\n"  \
    "smlad r10, r3, r4, r10\n" \
    "smlad r11, r3, r5, r11\n" \
    "sxtb16 r2, r2\n"         \
    "sxtb16 r3, r3\n"         \
    "smlad r8, r2, r4, r8\n"  \
    "smlad r9, r2, r5, r9\n"  \
    "smlad r12, r3, r4, r12\n" \
    "smlad lr, r3, r5, lr\n"

#define TWO_SUM               \
    TWO_BEGIN                 \
    "ldr   pc, [sp]\n"        \
    ".p2align 2\n"            \
    "2:\n"                    \
    ".rept 16\n"              \
    TWO_STEP                  \
    ".endr\n"                 \
    ".p2align 2\n"            \
    "3:\n"                    \
    "ldr   r2, [sp, #56]\n"   \
    "cmp   r1, r2\n"          \
    "bne   2b\n"              \
    "sub   r6, r6, r8\n"      \
    "sub   r7, r7, r9\n"      \
    "sub   r10, r10, r12\n"   \
    "sub   r11, r11, lr\n"

/* Both pixels of one filter, whose sums are in P and Q: first scaled by SHIFT. */
#define TWO_RELU(SHIFT, P, Q)                           \
    "ldm   r0!, {r3, r4, r5}\n"                         \
    SHIFT " " P ", " P ", r5\n"                         \
    SHIFT " " Q ", " Q ", r5\n"                         \
    "smmla " P ", " P ", r3, r4\n"                      \
    "smmla " Q ", " Q ", r3, r4\n"                      \
    "ssat  " P ", #8, " P ", asr #" EP_DOT_STEP "\n"    \
    "ssat  " Q ", #8, " Q ", asr #" EP_DOT_STEP "\n"    \
    "strb  " P ", [r1], #1\n"                           \
    "strb  " Q ", [r2], #1\n"

/* SHIFT doubles the sums; T and U are free. */
#define TWO_AWAY(SHIFT, P, Q, T, U)         \
    "ldm   r0!, {r3, r4, r5}\n"             \
    SHIFT(P)                                \
    SHIFT(Q)                                \
    "add   " T ", r4, " P ", asr #31\n"     \
    "add   " U ", r4, " Q ", asr #31\n"     \
    "smmlar " P ", " P ", r3, " T "\n"      \
    "smmlar " Q ", " Q ", r3, " U "\n"      \
    "asr   " P ", " P ", r5\n"              \
    "asr   " Q ", " Q ", r5\n"              \
    "ssat  " P ", #8, " P "\n"              \
    "ssat  " Q ", #8, " Q "\n"

#define STORE_TWO(P, Q)           \
    "strb  " P ", [r1], #1\n"     \
    "strb  " Q ", [r2], #1\n"

#define TWICE(R) "lsl " R ", " R ", #1\n"
#define FROM_256(R) "asr " R ", " R ", #7\n"

/* Four filters of both pixels; r1 and r2 become the outputs' ends. */
#define TWO_ENDS_RELU               \
    "ldrd  r1, r2, [sp, #8]\n"      \
    TWO_RELU("lsl", "r8", "r9")     \
    TWO_RELU("asr", "r6", "r7")     \
    TWO_RELU("lsl", "r12", "lr")    \
    TWO_RELU("asr", "r10", "r11")

#define TWO_ENDS_AWAY                          \
    TWO_AWAY(TWICE, "r8", "r9", "r1", "r2")    \
    "ldrd  r1, r2, [sp, #8]\n"                 \
    STORE_TWO("r8", "r9")                      \
    TWO_AWAY(FROM_256, "r6", "r7", "r8", "r9") \
    STORE_TWO("r6", "r7")                      \
    TWO_AWAY(TWICE, "r12", "lr", "r8", "r9")   \
    STORE_TWO("r12", "lr")                     \
    TWO_AWAY(FROM_256, "r10", "r11", "r8", "r9") \
    STORE_TWO("r10", "r11")

#endif
