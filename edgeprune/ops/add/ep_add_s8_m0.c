#include "ep_add_s8_m0.h"

#include "ep_m0.h"
#include "ep_math.h"

/* r0-r2: ends of a, b and out, r3: from -count up to 0, r7: factor_a, r8: constant, r9: factor_b,
 * r10: shift. */
static __attribute__((naked)) void add(__attribute__((unused)) const ep_add_s8_m0_params *p,
                                       __attribute__((unused)) const int8_t *a,
                                       __attribute__((unused)) const int8_t *b,
                                       __attribute__((unused)) int8_t *out)
{
    __asm volatile(".syntax unified\n" EP_M0_SAVE
                   "ldr r4, [r0, #12]\n"
                   "mov r8, r4\n"
                   "ldr r4, [r0, #8]\n"
                   "mov r9, r4\n"
                   "ldr r4, [r0, #16]\n"
                   "mov r10, r4\n"
                   "ldr r7, [r0, #4]\n"
                   "ldr r4, [r0, #0]\n"
                   "adds r0, r1, r4\n"
                   "adds r1, r2, r4\n"
                   "adds r2, r3, r4\n"
                   "rsbs r3, r4, #0\n"
                   "1:\n"
                   "ldrsb r4, [r0, r3]\n"
                   "muls r4, r7, r4\n"
                   "ldrsb r5, [r1, r3]\n"
                   "mov r6, r9\n"
                   "muls r5, r6, r5\n"
                   "adds r4, r4, r5\n"
                   "add r4, r8\n"
                   "mov r6, r10\n"
                   "asrs r4, r6\n"
                   "sxtb r5, r4\n"
                   "cmp r5, r4\n"
                   "bne 3f\n"
                   "2:\n"
                   "strb r5, [r2, r3]\n"
                   "adds r3, #1\n"
                   "bne 1b\n" EP_M0_RESTORE EP_M0_SATURATE("3", "2"));
}

void ep_add_s8_m0(const ep_add_s8_m0_params *p, const int8_t *a, const int8_t *b, int8_t *out)
{
    add(p, a, b, out);
    if (p->act_min > INT8_MIN || p->act_max < INT8_MAX) {
        for (int32_t i = 0; i < p->count; i++) {
            out[i] = (int8_t)ep_clamp(out[i], p->act_min, p->act_max);
        }
    }
}
