#include "ep_columns_dsp.h"

#include "ep_dot_core_dsp.h"
#include "ep_gather_core_dsp.h"

/* The assembly of naked functions takes its arguments from registers. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

/* On the stack: a copy of the ep_columns, whose first word is where the first round of the loop over
 * inputs begins, and whose `pairs` then count the blocks that are left; then saved registers. */
#define ENTER                     \
    "push  {r4-r11, lr}\n"        \
    "sub   sp, sp, #68\n"         \
    "mov   r1, sp\n"              \
    "ldm   r0!, {r2-r9}\n"        \
    "stm   r1!, {r2-r9}\n"        \
    "ldm   r0!, {r2-r9, ip}\n"    \
    "stm   r1!, {r2-r9, ip}\n"    \
    "ldr   r4, [sp, #52]\n"       \
    "subs  r4, r4, #1\n"          \
    "and   r4, r4, #15\n"         \
    "adr   r5, 3f\n"              \
    "movs  r6, #44\n"             \
    "mls   r5, r4, r6, r5\n"      \
    "orr   r5, r5, #1\n"          \
    "str   r5, [sp]\n"

#define LOAD(R, AT) "ldr   " R ", [sp, #28 + " AT "]\n"

#define NEXT_PIXELS               \
    "20:\n"                       \
    "ldr   r0, [sp, #4]\n"        \
    "ldrd  r1, r2, [sp, #16]\n"   \
    "ldr   r3, [sp, #24]\n"       \
    GATHER_TWO(LOAD)              \
    "ldrd  r4, r0, [sp, #40]\n"   \
    "add   r1, r1, r4\n"          \
    "add   r2, r2, r4\n"          \
    "strd  r1, r2, [sp, #16]\n"   \
    "ldr   r3, [sp, #48]\n"       \
    "str   r3, [sp, #52]\n"

/* The second pixel's outputs end where those of the next pair begin. */
#define LEAVE                     \
    "ldr   r3, [sp, #52]\n"       \
    "strd  r1, r2, [sp, #8]\n"    \
    "subs  r3, r3, #1\n"          \
    "str   r3, [sp, #52]\n"       \
    "bne   1b\n"                  \
    "ldrd  r4, r3, [sp, #60]\n"   \
    "add   r3, r2, r3\n"          \
    "strd  r2, r3, [sp, #8]\n"    \
    "subs  r4, r4, #1\n"          \
    "str   r4, [sp, #60]\n"       \
    "bne   20b\n"                 \
    "add   sp, sp, #68\n"         \
    "pop   {r4-r11, pc}\n"

__attribute__((naked)) void ep_columns_dsp(const ep_columns *c)
{
    __asm(ENTER NEXT_PIXELS TWO_SUM TWO_ENDS_AWAY LEAVE);
}

__attribute__((naked)) void ep_columns_relu_dsp(const ep_columns *c)
{
    __asm(ENTER NEXT_PIXELS TWO_SUM TWO_ENDS_RELU LEAVE);
}
