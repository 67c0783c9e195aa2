/* Gathers the inputs of two windows: r0 to, r1 and r2 windows, r3 list; LOAD(register, place) loads a
 * count of an ep_gather. Registers from r4 on change. */
#ifndef EP_GATHER_CORE_DSP_H
#define EP_GATHER_CORE_DSP_H

#define TWINS_TWO(P, Q)                 \
    "ldr   r4, [r1, " P "]\n"           \
    "ldr   r5, [r2, " P "]\n"           \
    "ldr   r6, [r1, " Q "]\n"           \
    "ldr   r7, [r2, " Q "]\n"           \
    "sxtb16 r4, r4\n"                   \
    "sxtb16 r5, r5\n"                   \
    "sxtb16 r6, r6\n"                   \
    "sxtb16 r7, r7\n"                   \
    "stm   r0!, {r4-r7}\n"

/* Two pairs. */
#define SINGLES_TWO                     \
    "ldm   r3!, {r8-r11}\n"             \
    "ldrsb r4, [r1, r8]\n"              \
    "ldrsb r6, [r1, r9]\n"              \
    "ldrsb r5, [r2, r8]\n"              \
    "ldrsb r7, [r2, r9]\n"              \
    "ldrsb r8, [r1, r11]\n"             \
    "ldrsb r9, [r2, r11]\n"             \
    "pkhbt r4, r4, r6, lsl #16\n"       \
    "pkhbt r5, r5, r7, lsl #16\n"       \
    "ldrsb r6, [r1, r10]\n"             \
    "ldrsb r7, [r2, r10]\n"             \
    "pkhbt r6, r6, r8, lsl #16\n"       \
    "pkhbt r7, r7, r9, lsl #16\n"       \
    "stm   r0!, {r4-r7}\n"

#define GATHER_TWO(LOAD)                \
    LOAD("lr", "0")                     \
    "cmp   lr, #0\n"                    \
    "beq   12f\n"                       \
    "11:\n"                             \
    "ldr   r8, [r3], #4\n"              \
    "ldr   r4, [r1, r8]\n"              \
    "ldr   r5, [r2, r8]\n"              \
    "sxtb16 r6, r4, ror #8\n"           \
    "sxtb16 r7, r5, ror #8\n"           \
    "sxtb16 r4, r4\n"                   \
    "sxtb16 r5, r5\n"                   \
    "stm   r0!, {r4-r7}\n"              \
    "subs  lr, lr, #1\n"                \
    "bne   11b\n"                       \
    "12:\n"                             \
    LOAD("lr", "4")                     \
    "cmp   lr, #0\n"                    \
    "beq   14f\n"                       \
    "13:\n"                             \
    "ldm   r3!, {r8-r11}\n"             \
    TWINS_TWO("r8", "r9")               \
    TWINS_TWO("r10", "r11")             \
    "subs  lr, lr, #1\n"                \
    "bne   13b\n"                       \
    "14:\n"                             \
    LOAD("lr", "8")                     \
    "lsrs  lr, lr, #1\n"                \
    "bcc   15f\n"                       \
    "ldm   r3!, {r8, r9}\n"             \
    "ldrsb r4, [r1, r8]\n"              \
    "ldrsb r6, [r1, r9]\n"              \
    "ldrsb r5, [r2, r8]\n"              \
    "ldrsb r7, [r2, r9]\n"              \
    "pkhbt r4, r4, r6, lsl #16\n"       \
    "pkhbt r5, r5, r7, lsl #16\n"       \
    "stm   r0!, {r4, r5}\n"             \
    "15:\n"                             \
    "lsrs  lr, lr, #1\n"                \
    "bcc   16f\n"                       \
    SINGLES_TWO                         \
    "16:\n"                             \
    "cmp   lr, #0\n"                    \
    "beq   18f\n"                       \
    "17:\n"                             \
    SINGLES_TWO                         \
    SINGLES_TWO                         \
    "subs  lr, lr, #1\n"                \
    "bne   17b\n"                       \
    "18:\n"

#endif
