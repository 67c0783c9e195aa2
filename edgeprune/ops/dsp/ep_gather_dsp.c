#include "ep_gather_dsp.h"

#include "ep_gather_core_dsp.h"

/* The assembly of naked functions takes its arguments from registers. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

#define LOAD(R, AT) "ldr   " R ", [ip, #" AT "]\n"

__attribute__((naked)) void ep_gather_two_dsp(int16_t *to, const int8_t *from0, const int8_t *from1,
                                              const int32_t *list, const ep_gather *g)
{
    __asm("push  {r4-r11, lr}\n"
          "ldr   ip, [sp, #36]\n"
          GATHER_TWO(LOAD)
          "pop   {r4-r11, pc}\n");
}

#define TWIN_ONE(P)               \
    "ldr   " P ", [r1, " P "]\n"  \
    "sxtb16 " P ", " P "\n"       \
    "str   " P ", [r0], #8\n"

/* r3 counts, r2 list. */
__attribute__((naked)) void ep_gather_one_dsp(int16_t *to, const int8_t *from, const int32_t *list,
                                              const ep_gather *g)
{
    __asm("push  {r4-r7, lr}\n"
          "ldm   r3, {r3, ip, lr}\n"
          "cbz   r3, 2f\n"
          "1:\n"
          "ldr   r4, [r2], #4\n"
          "ldr   r4, [r1, r4]\n"
          "sxtb16 r5, r4, ror #8\n"
          "sxtb16 r4, r4\n"
          "str   r5, [r0, #8]\n"
          "str   r4, [r0], #16\n"
          "subs  r3, r3, #1\n"
          "bne   1b\n"
          "2:\n"
          "cmp   ip, #0\n"
          "beq   4f\n"
          "3:\n"
          "ldm   r2!, {r4-r7}\n"
          TWIN_ONE("r4")
          TWIN_ONE("r5")
          TWIN_ONE("r6")
          TWIN_ONE("r7")
          "subs  ip, ip, #1\n"
          "bne   3b\n"
          "4:\n"
          "cmp   lr, #0\n"
          "beq   6f\n"
          "5:\n"
          "ldm   r2!, {r4, r5}\n"
          "ldrsb r4, [r1, r4]\n"
          "ldrsb r5, [r1, r5]\n"
          "pkhbt r4, r4, r5, lsl #16\n"
          "str   r4, [r0], #8\n"
          "subs  lr, lr, #1\n"
          "bne   5b\n"
          "6:\n"
          "pop   {r4-r7, pc}\n");
}
