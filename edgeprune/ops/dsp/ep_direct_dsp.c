#include "ep_direct_dsp.h"

/* The assembly of naked functions takes its arguments from registers. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

/* Weights, sums and requantization are as in ep_dot_dsp.c, but each word of inputs is widened for every
 * block anew: two instructions more for 16 products. */

#define EP_DIRECT_STEP "12"

/* 62 bytes: four inputs, four filters. */
#define STEP                   \
    "ldr   r7, [r1], #4\n"     \
    "ldm   r0!, {r2-r5}\n"     \
    "sxtb16 r6, r7\n"          \
    "sxtb16 r7, r7, ror #8\n"  \
    "smlad r8, r2, r6, r8\n"   \
    "smlad r10, r3, r6, r10\n" \
    "smlad r8, r4, r7, r8\n"   \
    "smlad r10, r5, r7, r10\n" \
    "sxtb16 r2, r2\n"          \
    "sxtb16 r3, r3\n"          \
    "sxtb16 r4, r4\n"          \
    "sxtb16 r5, r5\n"          \
    "smlad r9, r2, r6, r9\n"   \
    "smlad r11, r3, r6, r11\n" \
    "smlad r9, r4, r7, r9\n"   \
    "smlad r11, r5, r7, r11\n"

/* On the stack: inputs, out, blocks, saved registers, depth, ends, back. ip holds the end of the inputs,
 * lr where the first round of the loop begins. */
#define SUM                           \
    "push  {r1-r11, lr}\n"            \
    "ldr   r4, [sp, #48]\n"           \
    "add   ip, r1, r4\n"              \
    "lsrs  r4, r4, #2\n"              \
    "and   r4, r4, #7\n"              \
    "adr   r5, 3f\n"                  \
    "movs  r6, #62\n"                 \
    "mls   r5, r4, r6, r5\n"          \
    "orr   lr, r5, #1\n"              \
    "1:\n"                            \
    "ldm   r0!, {r8, r9, r10, r11}\n" \
    "ldr   r1, [sp]\n"                \
    "bx    lr\n"                      \
    ".p2align 2\n"                    \
    "2:\n"                            \
    ".rept 8\n"                       \
    STEP                              \
    ".endr\n"                         \
    ".p2align 2\n"                    \
    "3:\n"                            \
    "cmp   r1, ip\n"                  \
    "bne   2b\n"                      \
    "ldr   r1, [sp, #4]\n"            \
    "ldr   r2, [sp, #52]\n"           \
    "sub   r8, r8, r9\n"              \
    "sub   r10, r10, r11\n"

#define LEAVE                 \
    "str   r1, [sp, #4]\n"    \
    "ldr   r3, [sp, #56]\n"   \
    "sub   r2, r2, r3\n"      \
    "str   r2, [sp, #52]\n"   \
    "ldr   r3, [sp, #8]\n"    \
    "subs  r3, r3, #1\n"      \
    "str   r3, [sp, #8]\n"    \
    "bne   1b\n"              \
    "add   sp, sp, #12\n"     \
    "pop   {r4-r11, pc}\n"

/* SHIFT of a filter's sum P scales it. */
#define RELU(SHIFT, P)                                   \
    "ldm   r2!, {r3, r4, r5}\n"                          \
    SHIFT " " P ", " P ", r5\n"                          \
    "smmla " P ", " P ", r3, r4\n"                       \
    "ssat  " P ", #8, " P ", asr #" EP_DIRECT_STEP "\n"  \
    "strb  " P ", [r1], #1\n"

/* It doubles the sum, those of b and d being times 256: BITS as constant shift. */
#define AWAY(SHIFT, BITS, P)                    \
    "ldm   r2!, {r3, r4, r5}\n"                 \
    SHIFT " " P ", " P ", #" BITS "\n"          \
    "add   r4, r4, " P ", asr #31\n"            \
    "smmlar " P ", " P ", r3, r4\n"             \
    "asr   " P ", " P ", r5\n"                  \
    "ssat  " P ", #8, " P "\n"                  \
    "strb  " P ", [r1], #1\n"

__attribute__((naked)) const int32_t *ep_direct_relu_dsp(const int32_t *stream, const int8_t *x, int8_t *out,
                                                         int32_t blocks, int32_t depth, const int32_t *ends,
                                                         int32_t back)
{
    __asm(SUM
          RELU("lsl", "r9")
          RELU("asr", "r8")
          RELU("lsl", "r11")
          RELU("asr", "r10")
          LEAVE);
}

__attribute__((naked)) const int32_t *ep_direct_dsp(const int32_t *stream, const int8_t *x, int8_t *out,
                                                    int32_t blocks, int32_t depth, const int32_t *ends,
                                                    int32_t back)
{
    __asm(SUM
          AWAY("lsl", "1", "r9")
          AWAY("asr", "7", "r8")
          AWAY("lsl", "1", "r11")
          AWAY("asr", "7", "r10")
          LEAVE);
}
