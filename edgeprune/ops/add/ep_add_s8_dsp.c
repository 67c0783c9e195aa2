#include "ep_add_s8_dsp.h"

#include "ep_clamp_dsp.h"

/* The assembly of naked functions takes its arguments from registers. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

/* What portable kernels compute is, with x an input less its zero point and n its shift right,
 *     t = floor((x * multiplier + 2^10) / 2^11), then (t + 2^(n-1) - [t < 0]) >> n.
 * SMLAW of 128 * x gives floor(x * multiplier / 2^9), quarters of t; nested floors are one floor. */


/* In the order in which the loop below loads them. */
typedef struct {
    uint32_t bytes_1_and_3;
    int32_t zero_points_a;
    int32_t zero_points_b;
    int32_t multiplier_b;
    int32_t round_b;
    int32_t toward_zero_b;
    int32_t shift_b;
    int32_t multiplier;
    int32_t constant;
    int32_t shift;
} constants;

/* The input pairs that are 256 * value become 128 * (value - zero point) by SHSUB16. HALF is B or T, SIGN
 * the shift that brings a negative half's sign to bit 2; SUM may be Y or X. */
#define ADD_HALF(HALF, SIGN, X, Y, T, SUM)                \
    "and   lr, r10, " Y ", lsr #" SIGN "\n"               \
    "smlaw" HALF " " T ", r8, " Y ", r9\n"                \
    "sub   " T ", " T ", lr\n"                            \
    "asr   " T ", " T ", r11\n"                           \
    "smlaw" HALF " " SUM ", r5, " X ", " T "\n"

#define REQUANTIZE(SUM)                                   \
    "lsl   " SUM ", " SUM ", #1\n"                        \
    "add   lr, r5, " SUM ", asr #31\n"                    \
    "smmlar " SUM ", " SUM ", r4, lr\n"                   \
    "asr   " SUM ", " SUM ", r8\n"                        \
    "ssat  " SUM ", #8, " SUM "\n"

/* Four elements at a time, up to `end` of out: at least one time. On the stack: the constants, the end. */
__attribute__((naked)) static void add_words(const constants *c, const int8_t *a, const int8_t *b, int8_t *out,
                                             const int8_t *end)
{
    __asm("push  {r4-r11, lr}\n"
          "ldr   ip, [sp, #36]\n"
          "sub   sp, sp, #44\n"
          "str   ip, [sp, #40]\n"
          "ldm   r0!, {r4-r11}\n"
          "stm   sp, {r4-r11}\n"
          "ldrd  r4, r5, [r0]\n"
          "strd  r4, r5, [sp, #32]\n"
          "mov   r0, r1\n"
          "mov   r1, r2\n"
          "mov   r2, r3\n"
          ".p2align 2\n"
          "1:\n"
          "ldr   r3, [r0], #4\n"
          "ldr   r4, [r1], #4\n"
          "ldm   sp, {r5-r11}\n"
          "and   ip, r5, r3, lsl #8\n"
          "and   r3, r3, r5\n"
          "shsub16 ip, ip, r6\n"
          "shsub16 r3, r3, r6\n"
          "and   r6, r5, r4, lsl #8\n"
          "and   r4, r4, r5\n"
          "shsub16 r6, r6, r7\n"
          "shsub16 r4, r4, r7\n"
          "mov   r5, #0x10000000\n" /* SMLAW of 128 * x with it gives x * 2^19 */
          ADD_HALF("b", "13", "ip", "r6", "r7", "r7")
          ADD_HALF("t", "29", "ip", "r6", "r6", "ip")
          ADD_HALF("b", "13", "r3", "r4", "r6", "r6")
          ADD_HALF("t", "29", "r3", "r4", "r4", "r3")
          "ldrd  r4, r5, [sp, #28]\n"
          "ldr   r8, [sp, #36]\n"
          REQUANTIZE("r7")
          REQUANTIZE("r6")
          REQUANTIZE("ip")
          REQUANTIZE("r3")
          "strb  r6, [r2, #1]\n"
          "strb  ip, [r2, #2]\n"
          "strb  r3, [r2, #3]\n"
          "strb  r7, [r2], #4\n"
          "ldr   lr, [sp, #40]\n"
          "cmp   r2, lr\n"
          "bne   1b\n"
          "add   sp, sp, #44\n"
          "pop   {r4-r11, pc}\n");
}

void ep_add_s8_dsp(const ep_add_s8_dsp_params *p, const int8_t *a, const int8_t *b, int8_t *out)
{
    const constants c = {0xFF00FF00u,       p->zero_points_a, p->zero_points_b, p->multiplier_b, p->round_b,
                         p->toward_zero_b,  p->shift_b,       p->multiplier,    p->constant,     p->shift};
    const int32_t rest = p->count % 4;
    const int32_t words = p->count - rest;
    if (words > 0) {
        add_words(&c, a, b, out, out + words);
    }
    if (rest > 0) {
        int8_t ends[3][4] = {{0}};
        for (int32_t i = 0; i < rest; i++) {
            ends[0][i] = a[words + i];
            ends[1][i] = b[words + i];
        }
        add_words(&c, ends[0], ends[1], ends[2], ends[2] + 4);
        for (int32_t i = 0; i < rest; i++) {
            out[words + i] = ends[2][i];
        }
    }
    ep_clamp_dsp(out, p->count, p->act_min, p->act_max);
}
