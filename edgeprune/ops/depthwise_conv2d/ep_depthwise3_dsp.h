/* What both kernels of 3 x 3 depthwise convolutions share: rows of vertical pairs of int16.
 *
 * Pair (y, x) of a channel is what the padded image has at (y, x) and (y + 1, x), for even y. A column is
 * two such pairs, of rows y and y + 2: what two rows of outputs, or one with stride 2, look at. They
 * change places from one step to the next, so that each row is taken apart once.
 * The image is done chunk by chunk of channels. All of a row of inputs is read before the row of outputs at
 * its place is written; where outputs begin at the inputs' first byte, pixels being as long, a chunk
 * overwrites no other one.
 */
#ifndef EP_DEPTHWISE3_DSP_H
#define EP_DEPTHWISE3_DSP_H

#include <stdint.h>

typedef struct {
    int32_t in_h;
    int32_t in_w;
    int32_t out_h;
    int32_t out_w;
    int32_t stride;
    int32_t pad_top;
    int32_t pad_left;
    int32_t channels;
    int32_t chunk; /* channels, at least 4: up to 3 that would be left over go with the last chunk */
    int32_t in_zero_point;
    const int32_t *records; /* of dsp.py: one for each channel */
    int32_t act_min;
    int32_t act_max;
} ep_depthwise3_dsp_params;

/* One step for all channels.
 * pair_bytes: of all columns of one channel. run_bytes: of the columns at which blocks of two outputs
 * begin. is_odd: one more block begins one output earlier. row_step: from a row of outputs to the next,
 * 0 where there is no next, pixel_step from a pixel to the next. */
typedef void ep_depthwise3_rows(const int32_t *records, const int32_t *pairs, int8_t *out, int32_t channels,
                                int32_t pair_bytes, int32_t run_bytes, int32_t is_odd, int32_t row_step,
                                int32_t pixel_step);

/* Rows by stride - 1 and by which of a column's pairs comes first. */
typedef ep_depthwise3_rows *const ep_depthwise3_table[2][2];

/* scratch: 8 bytes for each column and channel of the largest chunk, then one for each such channel;
 * aligned to words. record_words: of one channel */
void ep_depthwise3_dsp(const ep_depthwise3_dsp_params *p, const ep_depthwise3_table rows,
                       int32_t record_words, const int8_t *in, int8_t *out, void *scratch);

/* Below: the assembly that the kernels are made of.
 *
 * r0-r3 sums of two columns, r4-r6 weights of rows (0, 1), r7-r9 of rows (1, 2), r10 and r11 pairs, ip
 * columns, lr outputs. On the stack: multiplier, constant, shift, bias, records, pairs, out, channels,
 * end of the run, is_odd, nothing, saved registers, arguments. */

#define EP_DW_BEGIN(RECORD_END)   \
    "push  {r4-r11, lr}\n"        \
    "sub   sp, sp, #44\n"         \
    "str   r0, [sp, #16]\n"       \
    "str   r1, [sp, #20]\n"       \
    "str   r2, [sp, #24]\n"       \
    "str   r3, [sp, #28]\n"       \
    ".p2align 2\n"                \
    "1:\n"                        \
    "ldr   ip, [sp, #16]\n"       \
    "ldm   ip!, {r4-r9}\n"        \
    RECORD_END                    \
    "str   ip, [sp, #16]\n"       \
    "ldr   ip, [sp, #20]\n"       \
    "ldr   r0, [sp, #80]\n"       \
    "ldr   r1, [sp, #84]\n"       \
    "ldr   r2, [sp, #88]\n"       \
    "ldr   lr, [sp, #24]\n"       \
    "add   r0, r0, ip\n"          \
    "add   r1, r1, ip\n"          \
    "strd  r1, r2, [sp, #32]\n"   \
    "add   r1, lr, #1\n"          \
    "strd  r0, r1, [sp, #20]\n"   \
    ".p2align 2\n"                \
    "2:\n"

/* OUTPUT: bytes from a column of outputs to the next, in columns of pairs. */
#define EP_DW_END(OUTPUT)         \
    "ldr   r10, [sp, #32]\n"      \
    "cmp   ip, r10\n"             \
    "bne   2b\n"                  \
    "ldr   r0, [sp, #36]\n"       \
    "cbz   r0, 3f\n"              \
    "movs  r1, #0\n"              \
    "ldr   r0, [sp, #96]\n"       \
    "add   r10, ip, #" OUTPUT "\n" \
    "sub   ip, ip, #" OUTPUT "\n" \
    "sub   lr, lr, r0\n"          \
    "str   r10, [sp, #32]\n"      \
    "str   r1, [sp, #36]\n"       \
    "b     2b\n"                  \
    "3:\n"                        \
    "ldr   r0, [sp, #28]\n"       \
    "subs  r0, r0, #1\n"          \
    "str   r0, [sp, #28]\n"       \
    "bne   1b\n"                  \
    "add   sp, sp, #44\n"         \
    "pop   {r4-r11, pc}\n"

#define EP_DW_RECORD_RELU         \
    "ldm   ip!, {r0-r2}\n"        \
    "strd  r1, r2, [sp]\n"        \
    "str   r0, [sp, #12]\n"

#define EP_DW_RECORD_AWAY         \
    "ldm   ip!, {r0-r3}\n"        \
    "strd  r1, r2, [sp]\n"        \
    "strd  r3, r0, [sp, #8]\n"

/* Two rows of outputs: what a column adds to a pair of sums, by the weights of column W. U is the pair
 * above, V the one below. */
#define EP_DW_ADD(P, Q, U, V, UPPER, LOWER, P0, Q0) \
    "smlad " P ", " U ", " UPPER ", " P0 "\n"       \
    "smlatb " Q ", " U ", " UPPER ", " Q0 "\n"      \
    "smlabt " P ", " V ", " LOWER ", " P "\n"       \
    "smlad " Q ", " V ", " LOWER ", " Q "\n"

#define EP_DW_SUM_1(U, V)                                     \
    "ldr   r3, [sp, #12]\n"                                   \
    "ldrd  r10, r11, [ip]\n"                                  \
    EP_DW_ADD("r0", "r1", U, V, "r4", "r7", "r3", "r3")       \
    "ldrd  r10, r11, [ip, #8]\n"                              \
    EP_DW_ADD("r0", "r1", U, V, "r5", "r8", "r0", "r1")       \
    EP_DW_ADD("r2", "r3", U, V, "r4", "r7", "r3", "r3")       \
    "ldrd  r10, r11, [ip, #16]!\n"                            \
    EP_DW_ADD("r0", "r1", U, V, "r6", "r9", "r0", "r1")       \
    EP_DW_ADD("r2", "r3", U, V, "r5", "r8", "r2", "r3")       \
    "ldrd  r10, r11, [ip, #8]\n"                              \
    EP_DW_ADD("r2", "r3", U, V, "r6", "r9", "r2", "r3")

/* The lower row first: where there is none, the upper one overwrites it. */
#define EP_DW_STORE_1             \
    "ldrd  r10, r11, [sp, #92]\n" \
    "strb  r1, [lr, r10]\n"       \
    "strb  r0, [lr]\n"            \
    "add   lr, lr, r11\n"         \
    "strb  r3, [lr, r10]\n"       \
    "strb  r2, [lr]\n"            \
    "add   lr, lr, r11\n"

/* One row of outputs with stride 2. */
#define EP_DW_ADD_2(P, U, V, UPPER, LOWER, P0)      \
    "smlad " P ", " U ", " UPPER ", " P0 "\n"       \
    "smlabt " P ", " V ", " LOWER ", " P "\n"

#define EP_DW_SUM_2(U, V)                             \
    "ldr   r1, [sp, #12]\n"                           \
    "ldrd  r10, r11, [ip]\n"                          \
    EP_DW_ADD_2("r0", U, V, "r4", "r7", "r1")         \
    "ldrd  r10, r11, [ip, #8]\n"                      \
    EP_DW_ADD_2("r0", U, V, "r5", "r8", "r0")         \
    "ldrd  r10, r11, [ip, #16]\n"                     \
    EP_DW_ADD_2("r0", U, V, "r6", "r9", "r0")         \
    EP_DW_ADD_2("r1", U, V, "r4", "r7", "r1")         \
    "ldrd  r10, r11, [ip, #24]\n"                     \
    EP_DW_ADD_2("r1", U, V, "r5", "r8", "r1")         \
    "ldrd  r10, r11, [ip, #32]!\n"                    \
    EP_DW_ADD_2("r1", U, V, "r6", "r9", "r1")

#define EP_DW_STORE_2             \
    "ldr   r10, [sp, #96]\n"      \
    "strb  r0, [lr]\n"            \
    "add   lr, lr, r10\n"         \
    "strb  r1, [lr]\n"            \
    "add   lr, lr, r10\n"

#endif
