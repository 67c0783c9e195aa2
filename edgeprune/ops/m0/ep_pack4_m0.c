#include "ep_pack4_m0.h"

#define VALUE \
    "ldrsb r6, [r2, r5]\n" \
    "lsls r6, r6, #16\n" \
    "ldrsb r7, [r1, r5]\n" \
    "adds r6, r6, r7\n" \
    "stmia r0!, {r6}\n" \
    "ldrsb r6, [r4, r5]\n" \
    "lsls r6, r6, #16\n" \
    "ldrsb r7, [r3, r5]\n" \
    "adds r6, r6, r7\n" \
    "stmia r0!, {r6}\n" \
    "adds r5, #1\n"

/* r1-r4: the ends of the pixels' values, r5: from -count up to 0. */
__attribute__((naked)) int32_t *ep_pack4_m0(__attribute__((unused)) int32_t *column,
                                            __attribute__((unused)) const int8_t *const *pixels,
                                            __attribute__((unused)) int32_t count)
{
    __asm volatile(".syntax unified\n"
                   "push {r4, r5, r6, r7, lr}\n"
                   "movs r5, r2\n"
                   "ldmia r1, {r1, r2, r3, r4}\n"
                   "adds r1, r1, r5\n"
                   "adds r2, r2, r5\n"
                   "adds r3, r3, r5\n"
                   "adds r4, r4, r5\n"
                   "rsbs r5, r5, #0\n"
                   "lsls r6, r5, #31\n"
                   "beq 1f\n" VALUE "beq 2f\n"
                   "1:\n" VALUE VALUE "bne 1b\n"
                   "2:\n"
                   "pop {r4, r5, r6, r7, pc}\n");
}
