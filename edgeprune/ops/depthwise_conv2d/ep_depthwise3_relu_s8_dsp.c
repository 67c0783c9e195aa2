#include "ep_depthwise3_relu_s8_dsp.h"

/* The assembly of naked functions takes its arguments from registers. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

/* As in ep_dot_dsp.c, but weights come shifted, and the step is 2^10. */
#define SCALE(P) "smmla " P ", " P ", r10, r11\n"
#define CLAMP(P) "ssat  " P ", #8, " P ", asr #10\n"

#define FINISH_1 "ldrd  r10, r11, [sp]\n" SCALE("r0") SCALE("r1") SCALE("r2") SCALE("r3") \
    CLAMP("r0") CLAMP("r1") CLAMP("r2") CLAMP("r3")
#define FINISH_2 "ldrd  r10, r11, [sp]\n" SCALE("r0") SCALE("r1") CLAMP("r0") CLAMP("r1")

enum { RECORD_WORDS = 9 };

#define ROWS_1(U, V) \
    __asm(EP_DW_BEGIN(EP_DW_RECORD_RELU) EP_DW_SUM_1(U, V) FINISH_1 EP_DW_STORE_1 EP_DW_END("8"))
#define ROWS_2(U, V) \
    __asm(EP_DW_BEGIN(EP_DW_RECORD_RELU) EP_DW_SUM_2(U, V) FINISH_2 EP_DW_STORE_2 EP_DW_END("16"))

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

void ep_depthwise3_relu_s8_dsp(const ep_depthwise3_relu_s8_dsp_params *p, const int8_t *in, int8_t *out,
                               void *scratch)
{
    static const ep_depthwise3_table rows = {{stride_one_upper_first, stride_one_lower_first},
                                             {stride_two_upper_first, stride_two_lower_first}};
    ep_depthwise3_dsp(p, rows, RECORD_WORDS, in, out, scratch);
}
