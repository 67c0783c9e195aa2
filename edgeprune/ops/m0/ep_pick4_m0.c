#include "ep_pick4_m0.h"

/* The value at a place of the list, r8; r7 is free. */
#define VALUE(AT) \
    "mov r7, r8\n" \
    "ldrh r5, [r7, #" AT "]\n" \
    "ldrsb r6, [r2, r5]\n" \
    "lsls r6, r6, #16\n" \
    "ldrsb r7, [r1, r5]\n" \
    "adds r6, r6, r7\n" \
    "stmia r0!, {r6}\n" \
    "ldrsb r6, [r4, r5]\n" \
    "lsls r6, r6, #16\n" \
    "ldrsb r7, [r3, r5]\n" \
    "adds r6, r6, r7\n" \
    "stmia r0!, {r6}\n"

/* r1-r4: the pixels, r8: the list, r9: its end, r10: 4. */
__attribute__((naked)) int32_t *ep_pick4_m0(__attribute__((unused)) int32_t *column,
                                            __attribute__((unused)) const int8_t *const *pixels,
                                            __attribute__((unused)) const uint16_t *list,
                                            __attribute__((unused)) int32_t count)
{
    __asm volatile(".syntax unified\n"
                   "push {r4, r5, r6, r7, lr}\n"
                   "mov r4, r8\n"
                   "mov r5, r9\n"
                   "mov r6, r10\n"
                   "push {r4, r5, r6}\n"
                   "lsls r4, r3, #1\n"
                   "adds r4, r2, r4\n"
                   "mov r9, r4\n"
                   "movs r4, #4\n"
                   "mov r10, r4\n"
                   "mov r8, r2\n"
                   "movs r5, r3\n"
                   "ldmia r1!, {r2, r3, r4}\n"
                   "ldr r6, [r1]\n"
                   "mov r1, r2\n"
                   "mov r2, r3\n"
                   "mov r3, r4\n"
                   "mov r4, r6\n"
                   "lsls r5, r5, #31\n"
                   "beq 1f\n" VALUE("0") "movs r7, #2\n"
                   "add r8, r7\n"
                   "cmp r8, r9\n"
                   "beq 2f\n"
                   "1:\n" VALUE("0") VALUE("2") "add r8, r10\n"
                   "cmp r8, r9\n"
                   "bne 1b\n"
                   "2:\n"
                   "pop {r4, r5, r6}\n"
                   "mov r8, r4\n"
                   "mov r9, r5\n"
                   "mov r10, r6\n"
                   "pop {r4, r5, r6, r7, pc}\n");
}
