#include "ep_depthwise3_away_s8_dsp.h"

/* The assembly of naked functions takes its arguments from registers. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

/* As in ep_dot_dsp.c, but weights come doubled. r4-r6 hold multiplier, constant and shift on the way. */
#define ROUND(P)                                \
    "add   r10, r5, " P ", asr #31\n"           \
    "smmlar " P ", " P ", r4, r10\n"            \
    "asr   " P ", " P ", r6\n"                  \
    "ssat  " P ", #8, " P "\n"

#define LOAD "ldm   sp, {r4-r6}\n"
#define RESTORE "ldr   r10, [sp, #16]\n" "sub   r10, r10, #40\n" "ldm   r10, {r4-r6}\n"

#define FINISH_1 LOAD ROUND("r0") ROUND("r1") ROUND("r2") ROUND("r3") RESTORE
#define FINISH_2 LOAD ROUND("r0") ROUND("r1") RESTORE

enum { RECORD_WORDS = 10 };

#define ROWS_1(U, V) \
    __asm(EP_DW_BEGIN(EP_DW_RECORD_AWAY) EP_DW_SUM_1(U, V) FINISH_1 EP_DW_STORE_1 EP_DW_END("8"))
#define ROWS_2(U, V) \
    __asm(EP_DW_BEGIN(EP_DW_RECORD_AWAY) EP_DW_SUM_2(U, V) FINISH_2 EP_DW_STORE_2 EP_DW_END("16"))

__attribute__((naked)) static void stride_one_upper_first(const int32_t *records, const int32_t *pairs, int8_t *out,
                                             int32_t channels, int32_t pair_bytes, int32_t run_bytes,
                                             int32_t is_odd, int32_t row_step, int32_t pixel_step)
{
    ROWS_1("r10", "r11");
}

__attribute__((naked)) static void stride_one_lower_first(const int32_t *records, const int32_t *pairs, int8_t *out,
                                             int32_t channels, int32_t pair_bytes, int32_t run_bytes,
                                             int32_t is_odd, int32_t row_step, int32_t pixel_step)
{
    ROWS_1("r11", "r10");
}

__attribute__((naked)) static void stride_two_upper_first(const int32_t *records, const int32_t *pairs, int8_t *out,
                                             int32_t channels, int32_t pair_bytes, int32_t run_bytes,
                                             int32_t is_odd, int32_t row_step, int32_t pixel_step)
{
    ROWS_2("r10", "r11");
}

__attribute__((naked)) static void stride_two_lower_first(const int32_t *records, const int32_t *pairs, int8_t *out,
                                             int32_t channels, int32_t pair_bytes, int32_t run_bytes,
                                             int32_t is_odd, int32_t row_step, int32_t pixel_step)
{
    ROWS_2("r11", "r10");
}

void ep_depthwise3_away_s8_dsp(const ep_depthwise3_away_s8_dsp_params *p, const int8_t *in, int8_t *out,
                               void *scratch)
{
    static const ep_depthwise3_table rows = {{stride_one_upper_first, stride_one_lower_first},
                                             {stride_two_upper_first, stride_two_lower_first}};
    ep_depthwise3_dsp(p, rows, RECORD_WORDS, in, out, scratch);
}
