#include "ep_filters_s8_mve.h"

/* Registers: sums of four filters in r0 r2 r4 r6 (first pixel) and r8 r10 r12 lr (second), the filters'
 * stream in r1, the pixels in r3 and r5, rounds in r7, the way back in r9, the output in r11.
 * Results gather in q4 q5 (first pixel) and q6 q7 (second).
 *
 * The frame, from sp: what a block loads at once: */
#define PIXEL_A "#0"
#define PIXEL_B "#4"
#define ROUNDS "#8"
#define ENTRY "#12"
/* and the rest: */
#define GROUP "#16"  /* code of the rounding mode, for a whole group */
#define HALF "#20"   /* and for half of one */
#define REST "#24"   /* channels to do */
#define APART "#28"  /* bytes from the first pixel's output to the second's */
#define ZERO "#32"   /* the output's zero point */
#define CLAMP "#36"  /* 0: the activation's range is all of int8 */
#define LOW "#40"    /* its ends */
#define HIGH "#44"
#define STREAM "#48"
#define STEP "#52"
#define COUNT "#56"
#define CHANNELS "#60"
#define OUT "#64"
#define SINGLE "#68" /* the entry for one pixel */
#define FRAME "72"

#define LINE(text) text "\n\t"
#define TIMES9(text) text text text text text text text text text

/* 16 weights of four filters on two pixels: 14 instructions, 56 bytes. */
#define STEP_TWO                       \
    LINE("vldrb.8 q0, [r3], #16")      \
    LINE("vldrb.8 q1, [r5], #16")      \
    LINE("vldrb.8 q2, [r1], #16")      \
    LINE("vmladava.s8 r0, q0, q2")     \
    LINE("vmladava.s8 r8, q1, q2")     \
    LINE("vldrb.8 q3, [r1], #16")      \
    LINE("vmladava.s8 r2, q0, q3")     \
    LINE("vmladava.s8 r10, q1, q3")    \
    LINE("vldrb.8 q2, [r1], #16")      \
    LINE("vmladava.s8 r4, q0, q2")     \
    LINE("vmladava.s8 r12, q1, q2")    \
    LINE("vldrb.8 q3, [r1], #16")      \
    LINE("vmladava.s8 r6, q0, q3")     \
    LINE("vmladava.s8 lr, q1, q3")

/* On one pixel: 9 instructions, 36 bytes. */
#define STEP_ONE                       \
    LINE("vldrb.8 q0, [r3], #16")      \
    LINE("vldrb.8 q2, [r1], #16")      \
    LINE("vmladava.s8 r0, q0, q2")     \
    LINE("vldrb.8 q3, [r1], #16")      \
    LINE("vmladava.s8 r2, q0, q3")     \
    LINE("vldrb.8 q2, [r1], #16")      \
    LINE("vmladava.s8 r4, q0, q2")     \
    LINE("vldrb.8 q3, [r1], #16")      \
    LINE("vmladava.s8 r6, q0, q3")

/* The sums of one block, into q0 and q1. */
#define SUMS                                       \
    LINE("ldm.w r1, {r0, r2, r4, r6}")             \
    LINE("ldmia.w r1!, {r8, r10, r12, lr}")        \
    LINE("adr.w r9, 0f")                           \
    LINE("ldm.w sp, {r3, r5, r7, pc}")             \
    LINE(".p2align 2")                             \
    LINE("0:")                                     \
    LINE("vmov q0[2], q0[0], r0, r4")              \
    LINE("vmov q0[3], q0[1], r2, r6")              \
    LINE("vmov q1[2], q1[0], r8, r12")             \
    LINE("vmov q1[3], q1[1], r10, lr")

/* q0 and q1 scaled; the three modes of rounding. Halves go away from zero: where the activation cuts
 * off all below zero, it is enough to round them up. */
#define SCALE_POSITIVE                             \
    LINE("vldrw.u32 q2, [r1], #16")                \
    LINE("vldrb.s32 q3, [r1], #4")                 \
    LINE("vqrdmulh.s32 q0, q0, q2")                \
    LINE("vqrdmulh.s32 q1, q1, q2")                \
    LINE("vrshl.s32 q0, q0, q3")                   \
    LINE("vrshl.s32 q1, q1, q3")

#define SCALE_RIGHT                                \
    LINE("vldrw.u32 q2, [r1], #16")                \
    LINE("vldrb.s32 q3, [r1], #4")                 \
    LINE("vqrdmulh.s32 q0, q0, q2")                \
    LINE("vqrdmulh.s32 q1, q1, q2")                \
    LINE("vshr.s32 q2, q0, #31")                   \
    LINE("vqadd.s32 q0, q0, q2")                   \
    LINE("vshr.s32 q2, q1, #31")                   \
    LINE("vqadd.s32 q1, q1, q2")                   \
    LINE("vrshl.s32 q0, q0, q3")                   \
    LINE("vrshl.s32 q1, q1, q3")

#define SCALE_ANY                                  \
    LINE("vldrb.s32 q2, [r1, #16]")                \
    LINE("vmov.i32 q3, #0")                        \
    LINE("vmax.s32 q3, q3, q2")                    \
    LINE("vshl.s32 q0, q0, q3")                    \
    LINE("vshl.s32 q1, q1, q3")                    \
    LINE("vldrw.u32 q3, [r1], #16")                \
    LINE("vqrdmulh.s32 q0, q0, q3")                \
    LINE("vqrdmulh.s32 q1, q1, q3")                \
    LINE("vmov.i32 q3, #0")                        \
    LINE("vmin.s32 q2, q2, q3")                    \
    LINE("vand q3, q0, q2")                        \
    LINE("vshr.s32 q3, q3, #31")                   \
    LINE("vqadd.s32 q0, q0, q3")                   \
    LINE("vand q3, q1, q2")                        \
    LINE("vshr.s32 q3, q3, #31")                   \
    LINE("vqadd.s32 q1, q1, q3")                   \
    LINE("vrshl.s32 q0, q0, q2")                   \
    LINE("vrshl.s32 q1, q1, q2")                   \
    LINE("adds r1, #4")

#define NARROW(half, a, b)                         \
    LINE("vqmovn" half ".s32 " a ", q0")           \
    LINE("vqmovn" half ".s32 " b ", q1")

#define CODE_OF_MODE(group, half_group, SCALE)                 \
    LINE(".p2align 2") LINE(group ":")                          \
    SUMS SCALE NARROW("b", "q4", "q6")                          \
    SUMS SCALE NARROW("t", "q4", "q6")                          \
    SUMS SCALE NARROW("b", "q5", "q7")                          \
    SUMS SCALE NARROW("t", "q5", "q7")                          \
    LINE("b.w .Lep_mve_store_group")                            \
    LINE(".p2align 2") LINE(half_group ":")                     \
    SUMS SCALE NARROW("b", "q4", "q6")                          \
    SUMS SCALE NARROW("t", "q4", "q6")                          \
    LINE("b.w .Lep_mve_store_half")

#define CLAMPED(label)                             \
    LINE("ldr r0, [sp, " CLAMP "]")                \
    LINE("cmp r0, #0")                             \
    LINE("beq " label)                             \
    LINE("ldr r0, [sp, " LOW "]")                  \
    LINE("ldr r2, [sp, " HIGH "]")                 \
    LINE("vdup.8 q0, r0")                          \
    LINE("vdup.8 q1, r2")                          \
    LINE("vmax.s8 q4, q4, q0")                     \
    LINE("vmax.s8 q6, q6, q0")                     \
    LINE("vmin.s8 q4, q4, q1")                     \
    LINE("vmin.s8 q6, q6, q1")                     \
    LINE(label ":")

__attribute__((naked, noinline)) void ep_filters_s8_mve_run(const ep_filters_s8_mve *f __attribute__((unused)),
                                                            const int8_t *in __attribute__((unused)),
                                                            int32_t step __attribute__((unused)),
                                                            int32_t count __attribute__((unused)),
                                                            int8_t *out __attribute__((unused)))
{
    __asm__ volatile(
        LINE("push {r4-r11, lr}")
        LINE("vpush {d8-d15}")
        LINE("sub sp, sp, #" FRAME)
        LINE("ldr r4, [sp, #" FRAME " + 100]") /* out: behind 9 registers and 64 bytes */
        LINE("str r4, [sp, " OUT "]")
        LINE("str r1, [sp, " PIXEL_A "]")
        LINE("str r2, [sp, " STEP "]")
        LINE("str r3, [sp, " COUNT "]")
        LINE("ldm.w r0, {r1, r2, r3, r4, r5, r6, r7}") /* the fields of f, in order */
        LINE("str r1, [sp, " STREAM "]")
        LINE("str r3, [sp, " CHANNELS "]")
        LINE("str r3, [sp, " APART "]")
        LINE("str r4, [sp, " ZERO "]")
        LINE("str r5, [sp, " LOW "]")
        LINE("str r6, [sp, " HIGH "]")
        LINE("subs r6, r6, r5")
        LINE("subs r6, #255")
        LINE("str r6, [sp, " CLAMP "]")
        /* The sums' loop has 9 steps; its first round enters late. */
        LINE("movs r5, #9")
        LINE("add.w r6, r2, #8")
        LINE("udiv r6, r6, r5")
        LINE("str r6, [sp, " ROUNDS "]")
        LINE("mul r6, r6, r5")
        LINE("subs r6, r6, r2")
        LINE("movs r5, #56")
        LINE("mul r5, r6, r5")
        LINE("adr.w r8, .Lep_mve_two")
        LINE("add r5, r8")
        LINE("orr r5, r5, #1")
        LINE("str r5, [sp, " ENTRY "]")
        LINE("movs r5, #36")
        LINE("mul r5, r6, r5")
        LINE("adr.w r8, .Lep_mve_one")
        LINE("add r5, r8")
        LINE("orr r5, r5, #1")
        LINE("str r5, [sp, " SINGLE "]")
        LINE("adr.w r5, .Lep_mve_group0")
        LINE("adr.w r6, .Lep_mve_half0")
        LINE("cmp r7, #1")
        LINE("blt 1f")
        LINE("adr.w r5, .Lep_mve_group1")
        LINE("adr.w r6, .Lep_mve_half1")
        LINE("beq 1f")
        LINE("adr.w r5, .Lep_mve_group2")
        LINE("adr.w r6, .Lep_mve_half2")
        LINE("1:")
        LINE("orr r5, r5, #1")
        LINE("orr r6, r6, #1")
        LINE("str r5, [sp, " GROUP "]")
        LINE("str r6, [sp, " HALF "]")

        LINE(".Lep_mve_pixels:")
        LINE("ldr r0, [sp, " COUNT "]")
        LINE("ldr r11, [sp, " OUT "]")
        LINE("ldr r1, [sp, " STREAM "]")
        LINE("ldr r2, [sp, " CHANNELS "]")
        LINE("ldr r3, [sp, " PIXEL_A "]")
        LINE("ldr r4, [sp, " STEP "]")
        LINE("subs r0, #2")
        LINE("blt .Lep_mve_last")
        LINE("str r0, [sp, " COUNT "]")
        LINE("str r2, [sp, " REST "]")
        LINE("add r3, r4")
        LINE("str r3, [sp, " PIXEL_B "]")
        LINE("add.w r5, r11, r2, lsl #1")
        LINE("str r5, [sp, " OUT "]")
        LINE("cmp r2, #8")
        LINE("it gt")
        LINE("ldrgt pc, [sp, " GROUP "]")
        LINE("ldr pc, [sp, " HALF "]")

        LINE(".Lep_mve_last:")
        LINE("adds r0, #1")
        LINE("bne .Lep_mve_done")
        /* One pixel is left: the second's results are written first, to the same place. */
        LINE("str r0, [sp, " COUNT "]")
        LINE("str r0, [sp, " APART "]")
        LINE("str r2, [sp, " REST "]")
        LINE("ldr r5, [sp, " SINGLE "]")
        LINE("str r5, [sp, " ENTRY "]")
        LINE("cmp r2, #8")
        LINE("it gt")
        LINE("ldrgt pc, [sp, " GROUP "]")
        LINE("ldr pc, [sp, " HALF "]")

        LINE(".p2align 2")
        LINE(".Lep_mve_two:")
        TIMES9(STEP_TWO)
        LINE("subs.w r7, r7, #1")
        LINE("bne.w .Lep_mve_two")
        LINE("mov pc, r9")

        LINE(".p2align 2")
        LINE(".Lep_mve_one:")
        TIMES9(STEP_ONE)
        LINE("subs.w r7, r7, #1")
        LINE("bne.w .Lep_mve_one")
        LINE("mov pc, r9")

        CODE_OF_MODE(".Lep_mve_group0", ".Lep_mve_half0", SCALE_POSITIVE)
        CODE_OF_MODE(".Lep_mve_group1", ".Lep_mve_half1", SCALE_RIGHT)
        CODE_OF_MODE(".Lep_mve_group2", ".Lep_mve_half2", SCALE_ANY)

        LINE(".Lep_mve_store_group:")
        LINE("ldr r0, [sp, " ZERO "]")
        LINE("vqadd.s16 q4, q4, r0")
        LINE("vqadd.s16 q5, q5, r0")
        LINE("vqadd.s16 q6, q6, r0")
        LINE("vqadd.s16 q7, q7, r0")
        LINE("vqmovnb.s16 q4, q4")
        LINE("vqmovnt.s16 q4, q5")
        LINE("vqmovnb.s16 q6, q6")
        LINE("vqmovnt.s16 q6, q7")
        CLAMPED(".Lep_mve_full_range")
        LINE("ldr r0, [sp, " REST "]")
        LINE("ldr r2, [sp, " APART "]")
        LINE("add r2, r11")
        LINE("vctp.8 r0")
        LINE("vpstt")
        LINE("vstrbt.8 q6, [r2]")
        LINE("vstrbt.8 q4, [r11], #16")
        LINE("subs r0, #16")
        LINE("str r0, [sp, " REST "]")
        LINE("cmp r0, #8")
        LINE("it gt")
        LINE("ldrgt pc, [sp, " GROUP "]")
        LINE("cmp r0, #0")
        LINE("it gt")
        LINE("ldrgt pc, [sp, " HALF "]")

        LINE(".Lep_mve_next:")
        LINE("ldr r0, [sp, " PIXEL_A "]")
        LINE("ldr r1, [sp, " STEP "]")
        LINE("add.w r0, r0, r1, lsl #1")
        LINE("str r0, [sp, " PIXEL_A "]")
        LINE("b .Lep_mve_pixels")

        LINE(".Lep_mve_store_half:")
        LINE("ldr r0, [sp, " ZERO "]")
        LINE("vqadd.s16 q4, q4, r0")
        LINE("vqadd.s16 q6, q6, r0")
        LINE("vqmovnb.s16 q4, q4")
        LINE("vqmovnb.s16 q6, q6")
        CLAMPED(".Lep_mve_half_full_range")
        LINE("ldr r0, [sp, " REST "]")
        LINE("ldr r2, [sp, " APART "]")
        LINE("add r2, r11")
        LINE("mov r3, r11")
        LINE("vctp.16 r0")
        LINE("vpstt")
        LINE("vstrbt.16 q6, [r2]")
        LINE("vstrbt.16 q4, [r3]")
        LINE("b .Lep_mve_next")

        LINE(".Lep_mve_done:")
        LINE("add sp, sp, #" FRAME)
        LINE("vpop {d8-d15}")
        LINE("pop {r4-r11, pc}"));
}
