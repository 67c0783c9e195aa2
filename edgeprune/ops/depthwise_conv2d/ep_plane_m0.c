#include "ep_plane_m0.h"

#define VALUE(AT) \
    "ldrb r4, [r1, #0]\n" \
    "add r1, r8\n" \
    "adds r4, #128\n" \
    "strb r4, [r2, #" AT "]\n"

/* r0: plane, r1: from, r2: to, r3: rows left, r5, r6: columns left; r8: step. */
__attribute__((naked)) void ep_gather_plane_m0(__attribute__((unused)) const ep_plane_m0 *plane,
                                               __attribute__((unused)) const int8_t *from,
                                               __attribute__((unused)) uint8_t *to)
{
    __asm volatile(".syntax unified\n"
                   "push {r4, r5, r6, r7, lr}\n"
                   "mov r7, r8\n"
                   "push {r7}\n"
                   "ldr r3, [r0, #0]\n"
                   "mov r8, r3\n"
                   "ldr r3, [r0, #12]\n"
                   "1:\n"
                   "ldr r5, [r0, #8]\n"
                   "subs r5, #4\n"
                   "blt 3f\n"
                   "2:\n" VALUE("0") VALUE("1") VALUE("2") VALUE("3")
                   "adds r2, #4\n"
                   "subs r5, #4\n"
                   "bge 2b\n"
                   "3:\n"
                   "adds r5, #4\n"
                   "beq 5f\n"
                   "4:\n" VALUE("0")
                   "adds r2, #1\n"
                   "subs r5, #1\n"
                   "bne 4b\n"
                   "5:\n"
                   "ldr r5, [r0, #4]\n"
                   "adds r1, r1, r5\n"
                   "ldr r5, [r0, #16]\n"
                   "adds r2, r2, r5\n"
                   "subs r3, #1\n"
                   "bne 1b\n"
                   "pop {r7}\n"
                   "mov r8, r7\n"
                   "pop {r4, r5, r6, r7, pc}\n");
}
