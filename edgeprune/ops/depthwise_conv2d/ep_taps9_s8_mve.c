#include "ep_taps9_s8_mve.h"

/* Registers: taps in r0 to r6, r8 and r9, the stream in r7, the output in r10, the job in r11, channels
 * to do in r12, the zero point in lr.
 *
 * Products of two taps fit 16 bits together: 2 * 128 * 127. The sums of 16 channels are four vectors:
 * q6 (channels 0,4,8,12), q7 (2,6,10,14), q2 (1,5,9,13), q3 (3,7,11,15). */
#define STREAM "#36"
#define CHANNELS "#44"
#define PIXELS "#48"
#define IN_STEP "#52"
#define OUT_STEP "#56"
#define LOW "#64"
#define HIGH "#68"
#define CODE "#72"
#define ENTRY "#76"

#define LINE(text) text "\n\t"

/* Even channels' products with a tap, odd channels'. */
#define PRODUCTS(tap, even, odd)               \
    LINE("vldrb.8 q0, [" tap "], #16")         \
    LINE("vldrb.8 q1, [r7], #16")              \
    LINE("vmullb.s8 " even ", q0, q1")         \
    LINE("vmullt.s8 " odd ", q0, q1")

/* Two taps into q4 and q0. The second tap's weights are loaded twice: q1 and q5 are all that is left. */
#define PAIR(tap, next)                        \
    PRODUCTS(tap, "q4", "q0")                  \
    LINE("vldrb.8 q1, [" next "], #16")        \
    LINE("vldrb.8 q5, [r7]")                   \
    LINE("vmullt.s8 q5, q1, q5")               \
    LINE("vadd.i16 q0, q0, q5")                \
    LINE("vldrb.8 q5, [r7], #16")              \
    LINE("vmullb.s8 q5, q1, q5")               \
    LINE("vadd.i16 q4, q4, q5")

#define ADD_UP                                 \
    LINE("vmovlb.s16 q1, q4")                  \
    LINE("vadd.i32 q6, q6, q1")                \
    LINE("vmovlt.s16 q1, q4")                  \
    LINE("vadd.i32 q7, q7, q1")                \
    LINE("vmovlb.s16 q1, q0")                  \
    LINE("vadd.i32 q2, q2, q1")                \
    LINE("vmovlt.s16 q1, q0")                  \
    LINE("vadd.i32 q3, q3, q1")

#define ADD_BIAS(sum)                          \
    LINE("vldrw.u32 q0, [r7], #16")            \
    LINE("vadd.i32 " sum ", " sum ", q0")

#define MULTIPLY(sum)                          \
    LINE("vldrw.u32 q0, [r7], #16")            \
    LINE("vqrdmulh.s32 " sum ", " sum ", q0")

/* The three ways to round, as in ep_filters_s8_mve.c. */
#define SHIFT_POSITIVE(sum)                    \
    LINE("vldrb.s32 q0, [r7], #4")             \
    LINE("vrshl.s32 " sum ", " sum ", q0")

#define SHIFT_RIGHT(sum)                       \
    LINE("vldrb.s32 q0, [r7], #4")             \
    LINE("vshr.s32 q1, " sum ", #31")          \
    LINE("vqadd.s32 " sum ", " sum ", q1")     \
    LINE("vrshl.s32 " sum ", " sum ", q0")

/* The shift of the sum with this number, before it is multiplied. */
#define SHIFT_LEFT(sum, shift)                 \
    LINE("vldrb.s32 q0, [r7, #64 + " shift "]") \
    LINE("vmov.i32 q1, #0")                    \
    LINE("vmax.s32 q0, q0, q1")                \
    LINE("vshl.s32 " sum ", " sum ", q0")

#define SHIFT_ANY(sum)                         \
    LINE("vldrb.s32 q0, [r7], #4")             \
    LINE("vmov.i32 q1, #0")                    \
    LINE("vmin.s32 q0, q0, q1")                \
    LINE("vand q1, " sum ", q0")               \
    LINE("vshr.s32 q1, q1, #31")               \
    LINE("vqadd.s32 " sum ", " sum ", q1")     \
    LINE("vrshl.s32 " sum ", " sum ", q0")

#define EACH(STEP) STEP("q6") STEP("q7") STEP("q2") STEP("q3")

#define NARROW                                 \
    LINE("vqmovnb.s32 q4, q6")                 \
    LINE("vqmovnt.s32 q4, q7")                 \
    LINE("vqmovnb.s32 q5, q2")                 \
    LINE("vqmovnt.s32 q5, q3")                 \
    LINE("vqadd.s16 q4, q4, lr")               \
    LINE("vqadd.s16 q5, q5, lr")               \
    LINE("vqmovnb.s16 q4, q4")                 \
    LINE("vqmovnt.s16 q4, q5")

#define STORE                                  \
    LINE("vctp.8 r12")                         \
    LINE("vpst")                               \
    LINE("vstrbt.8 q4, [r10], #16")            \
    LINE("subs.w r12, r12, #16")               \
    LINE("bgt.w .Lep_taps9_channels")

__attribute__((naked, noinline)) void ep_taps9_s8_mve_run(ep_taps9_s8_mve *job __attribute__((unused)))
{
    __asm__ volatile(
        LINE("push {r4-r11, lr}")
        LINE("vpush {d8-d15}")
        LINE("mov r11, r0")
        LINE("ldr.w r0, [r11, " CODE "]")
        LINE("cmp r0, #1")
        LINE("adr.w r1, .Lep_taps9_code0")
        LINE("blt 1f")
        LINE("adr.w r1, .Lep_taps9_code1")
        LINE("beq 1f")
        LINE("cmp r0, #2")
        LINE("adr.w r1, .Lep_taps9_code2")
        LINE("beq 1f")
        LINE("adr.w r1, .Lep_taps9_code3")
        LINE("1:")
        LINE("orr r1, r1, #1")
        LINE("str.w r1, [r11, " ENTRY "]")
        LINE("ldm.w r11, {r0-r6}")
        LINE("ldrd r8, r9, [r11, #28]")
        LINE("ldrd r7, r10, [r11, " STREAM "]")
        LINE("ldr.w r12, [r11, " CHANNELS "]")
        LINE("ldr.w lr, [r11, #60]")

        LINE(".Lep_taps9_channels:")
        PRODUCTS("r0", "q2", "q3")
        PRODUCTS("r1", "q4", "q5")
        LINE("vadd.i16 q2, q2, q4")
        LINE("vadd.i16 q3, q3, q5")
        PRODUCTS("r2", "q4", "q5")
        PRODUCTS("r3", "q6", "q7")
        LINE("vadd.i16 q4, q4, q6")
        LINE("vadd.i16 q5, q5, q7")
        LINE("vmovlb.s16 q6, q2")
        LINE("vmovlb.s16 q0, q4")
        LINE("vadd.i32 q6, q6, q0")
        LINE("vmovlt.s16 q7, q2")
        LINE("vmovlt.s16 q0, q4")
        LINE("vadd.i32 q7, q7, q0")
        LINE("vmovlb.s16 q2, q3")
        LINE("vmovlb.s16 q0, q5")
        LINE("vadd.i32 q2, q2, q0")
        LINE("vmovlt.s16 q3, q3")
        LINE("vmovlt.s16 q0, q5")
        LINE("vadd.i32 q3, q3, q0")
        PAIR("r4", "r5") ADD_UP
        PAIR("r6", "r8") ADD_UP
        PRODUCTS("r9", "q4", "q0") ADD_UP
        EACH(ADD_BIAS)
        LINE("ldr.w pc, [r11, " ENTRY "]")

        LINE(".p2align 2")
        LINE(".Lep_taps9_code0:")
        EACH(MULTIPLY) EACH(SHIFT_POSITIVE)
        NARROW
        STORE
        LINE("b.w .Lep_taps9_next")

        LINE(".p2align 2")
        LINE(".Lep_taps9_code1:")
        EACH(MULTIPLY) EACH(SHIFT_POSITIVE)
        LINE("b.w .Lep_taps9_clamp")

        LINE(".p2align 2")
        LINE(".Lep_taps9_code2:")
        EACH(MULTIPLY) EACH(SHIFT_RIGHT)
        LINE("b.w .Lep_taps9_clamp")

        LINE(".p2align 2")
        LINE(".Lep_taps9_code3:")
        SHIFT_LEFT("q6", "0") SHIFT_LEFT("q7", "4") SHIFT_LEFT("q2", "8") SHIFT_LEFT("q3", "12")
        EACH(MULTIPLY) EACH(SHIFT_ANY)

        LINE(".Lep_taps9_clamp:")
        NARROW
        LINE("push {r0, r1}")
        LINE("ldrd r0, r1, [r11, " LOW "]")
        LINE("vdup.8 q0, r0")
        LINE("vdup.8 q1, r1")
        LINE("vmax.s8 q4, q4, q0")
        LINE("vmin.s8 q4, q4, q1")
        LINE("pop {r0, r1}")
        STORE

        LINE(".Lep_taps9_next:")
        LINE("ldr.w r12, [r11, " PIXELS "]")
        LINE("subs.w r12, r12, #1")
        LINE("beq.w .Lep_taps9_done")
        LINE("str.w r12, [r11, " PIXELS "]")
        LINE("ldrd r7, r12, [r11, " IN_STEP "]")
        LINE("add r10, r12")
        LINE("cmp r7, #0")
        LINE("beq 1f")
        LINE("add r0, r7")
        LINE("add r1, r7")
        LINE("add r2, r7")
        LINE("add r3, r7")
        LINE("add r4, r7")
        LINE("add r5, r7")
        LINE("add r6, r7")
        LINE("add r8, r7")
        LINE("add r9, r7")
        LINE("1:")
        LINE("ldr.w r7, [r11, " STREAM "]")
        LINE("ldr.w r12, [r11, " CHANNELS "]")
        LINE("b.w .Lep_taps9_channels")

        LINE(".Lep_taps9_done:")
        LINE("vpop {d8-d15}")
        LINE("pop {r4-r11, pc}"));
}
