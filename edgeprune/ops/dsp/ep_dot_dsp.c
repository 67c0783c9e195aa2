#include "ep_dot_dsp.h"

#include "ep_dot_core_dsp.h"

/* The assembly of naked functions takes its arguments from registers. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

/* On the stack: where the first round of the loop begins, inputs, out0, out1, saved registers, then
 * the arguments blocks and pairs; the end of the inputs replaces pairs. */
#define TWO_ENTER                 \
    "push  {r0-r11, lr}\n"        \
    "ldr   r4, [sp, #56]\n"       \
    "add   r5, r1, r4, lsl #3\n"  \
    "str   r5, [sp, #56]\n"       \
    "subs  r4, r4, #1\n"          \
    "and   r4, r4, #15\n"         \
    "adr   r5, 3f\n"              \
    "movs  r6, #44\n"             \
    "mls   r5, r4, r6, r5\n"      \
    "orr   r5, r5, #1\n"          \
    "str   r5, [sp]\n"

#define TWO_LEAVE             \
    "strd  r1, r2, [sp, #8]\n" \
    "ldr   r3, [sp, #52]\n"   \
    "subs  r3, r3, #1\n"      \
    "str   r3, [sp, #52]\n"   \
    "bne   1b\n"              \
    "add   sp, sp, #16\n"     \
    "pop   {r4-r11, pc}\n"

__attribute__((naked)) const int32_t *ep_dot_two_relu_dsp(const int32_t *stream, const int16_t *x,
                                                          int8_t *out0, int8_t *out1, int32_t blocks,
                                                          int32_t pairs)
{
    __asm(TWO_ENTER
          TWO_SUM
          TWO_ENDS_RELU
          TWO_LEAVE);
}

__attribute__((naked)) const int32_t *ep_dot_two_dsp(const int32_t *stream, const int16_t *x, int8_t *out0,
                                                     int8_t *out1, int32_t blocks, int32_t pairs)
{
    __asm(TWO_ENTER
          TWO_SUM
          TWO_ENDS_AWAY
          TWO_LEAVE);
}

/* 52 bytes: four inputs of one pixel, four filters. */
#define ONE_STEP              \
    "ldm   r0!, {r2-r5}\n"    \
    "ldm   r1!, {r6, r7}\n"   \
    "smlad r8, r2, r6, r8\n"  \
    "smlad r10, r3, r6, r10\n" \
    "smlad r8, r4, r7, r8\n"  \
    "smlad r10, r5, r7, r10\n" \
    "sxtb16 r2, r2\n"         \
    "sxtb16 r3, r3\n"         \
    "sxtb16 r4, r4\n"         \
    "sxtb16 r5, r5\n"         \
    "smlad r9, r2, r6, r9\n"  \
    "smlad r11, r3, r6, r11\n" \
    "smlad r9, r4, r7, r9\n"  \
    "smlad r11, r5, r7, r11\n"

/* On the stack: inputs, out, blocks, saved registers, pairs. ip holds the end of the inputs, lr where
 * the first round of the loop begins. */
#define ONE_SUM                      \
    "push  {r1-r11, lr}\n"           \
    "ldr   r4, [sp, #48]\n"          \
    "add   ip, r1, r4, lsl #2\n"     \
    "lsrs  r4, r4, #1\n"             \
    "and   r4, r4, #7\n"             \
    "adr   r5, 3f\n"                 \
    "movs  r6, #52\n"                \
    "mls   r5, r4, r6, r5\n"         \
    "orr   lr, r5, #1\n"             \
    "1:\n"                           \
    "ldm   r0!, {r8, r9, r10, r11}\n" \
    "ldr   r1, [sp]\n"               \
    "bx    lr\n"                     \
    ".p2align 2\n"                   \
    "2:\n"                           \
    ".rept 8\n"                      \
    ONE_STEP                         \
    ".endr\n"                        \
    ".p2align 2\n"                   \
    "3:\n"                           \
    "cmp   r1, ip\n"                 \
    "bne   2b\n"                     \
    "ldr   r1, [sp, #4]\n"           \
    "sub   r8, r8, r9\n"             \
    "sub   r10, r10, r11\n"

#define ONE_LEAVE             \
    "str   r1, [sp, #4]\n"    \
    "ldr   r3, [sp, #8]\n"    \
    "subs  r3, r3, #1\n"      \
    "str   r3, [sp, #8]\n"    \
    "bne   1b\n"              \
    "add   sp, sp, #12\n"     \
    "pop   {r4-r11, pc}\n"

#define ONE_RELU(SHIFT, P)                              \
    "ldm   r0!, {r3, r4, r5}\n"                         \
    SHIFT " " P ", " P ", r5\n"                         \
    "smmla " P ", " P ", r3, r4\n"                      \
    "ssat  " P ", #8, " P ", asr #" EP_DOT_STEP "\n"    \
    "strb  " P ", [r1], #1\n"

#define ONE_AWAY(SHIFT, P)                  \
    "ldm   r0!, {r3, r4, r5}\n"             \
    SHIFT(P)                                \
    "add   r4, r4, " P ", asr #31\n"        \
    "smmlar " P ", " P ", r3, r4\n"         \
    "asr   " P ", " P ", r5\n"              \
    "ssat  " P ", #8, " P "\n"              \
    "strb  " P ", [r1], #1\n"

__attribute__((naked)) const int32_t *ep_dot_one_relu_dsp(const int32_t *stream, const int16_t *x,
                                                          int8_t *out, int32_t blocks, int32_t pairs)
{
    __asm(ONE_SUM
          ONE_RELU("lsl", "r9")
          ONE_RELU("asr", "r8")
          ONE_RELU("lsl", "r11")
          ONE_RELU("asr", "r10")
          ONE_LEAVE);
}

__attribute__((naked)) const int32_t *ep_dot_one_dsp(const int32_t *stream, const int16_t *x, int8_t *out,
                                                     int32_t blocks, int32_t pairs)
{
    __asm(ONE_SUM
          ONE_AWAY(TWICE, "r9")
          ONE_AWAY(FROM_256, "r8")
          ONE_AWAY(TWICE, "r11")
          ONE_AWAY(FROM_256, "r10")
          ONE_LEAVE);
}

__attribute__((naked)) int16_t *ep_widen_one_dsp(int16_t *to, const int8_t *from, int32_t words)
{
    __asm("tst   r2, #1\n"
          "beq   2f\n"
          "ldr   r3, [r1], #4\n"
          "sxtb16 ip, r3, ror #8\n"
          "sxtb16 r3, r3\n"
          "stm   r0!, {r3, ip}\n"
          "2:\n"
          "lsrs  r2, r2, #1\n"
          "beq   9f\n"
          "push  {r4-r6, lr}\n"
          "1:\n"
          "ldr   r4, [r1], #4\n"
          "ldr   r6, [r1], #4\n"
          "sxtb16 r3, r4\n"
          "sxtb16 r4, r4, ror #8\n"
          "sxtb16 r5, r6\n"
          "sxtb16 r6, r6, ror #8\n"
          "stm   r0!, {r3-r6}\n"
          "subs  r2, r2, #1\n"
          "bne   1b\n"
          "pop   {r4-r6, pc}\n"
          "9:\n"
          "bx    lr\n");
}

__attribute__((naked)) int16_t *ep_widen_two_dsp(int16_t *to, const int8_t *from0, const int8_t *from1,
                                                 int32_t words, int32_t runs, int32_t step0, int32_t step1)
{
    __asm("push  {r4-r11, lr}\n"
          "ldr   lr, [sp, #36]\n"
          "mov   ip, r3\n"
          "1:\n"
          "lsrs  r3, ip, #1\n"
          "bcc   2f\n"
          "ldr   r4, [r1], #4\n"
          "ldr   r5, [r2], #4\n"
          "sxtb16 r6, r4, ror #8\n"
          "sxtb16 r7, r5, ror #8\n"
          "sxtb16 r4, r4\n"
          "sxtb16 r5, r5\n"
          "stm   r0!, {r4-r7}\n"
          "2:\n"
          "cbz   r3, 4f\n"
          "3:\n"
          "ldr   r4, [r1], #4\n"
          "ldr   r8, [r1], #4\n"
          "ldr   r5, [r2], #4\n"
          "ldr   r9, [r2], #4\n"
          "sxtb16 r6, r4, ror #8\n"
          "sxtb16 r7, r5, ror #8\n"
          "sxtb16 r4, r4\n"
          "sxtb16 r5, r5\n"
          "sxtb16 r10, r8, ror #8\n"
          "sxtb16 r11, r9, ror #8\n"
          "sxtb16 r8, r8\n"
          "sxtb16 r9, r9\n"
          "stm   r0!, {r4-r11}\n"
          "subs  r3, r3, #1\n"
          "bne   3b\n"
          "4:\n"
          "subs  lr, lr, #1\n"
          "beq   5f\n"
          "ldrd  r4, r5, [sp, #40]\n"
          "add   r1, r1, r4\n"
          "add   r2, r2, r5\n"
          "b     1b\n"
          "5:\n"
          "pop   {r4-r11, pc}\n");
}
