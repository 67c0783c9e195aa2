#include "ep_clamp_dsp.h"

#include "ep_math.h"

/* Four values; SSUB8 leaves in the flags GE which are not below, SEL chooses by them. */
static uint32_t clamp_four(uint32_t values, uint32_t low, uint32_t high)
{
    uint32_t result;
    uint32_t ignored;
    __asm volatile("ssub8 %1, %2, %3\n"
                   "sel   %0, %2, %3\n"
                   "ssub8 %1, %0, %4\n"
                   "sel   %0, %4, %0\n"
                   : "=&r"(result), "=&r"(ignored)
                   : "r"(values), "r"(low), "r"(high));
    return result;
}

void ep_clamp_dsp(int8_t *values, int32_t count, int32_t low, int32_t high)
{
    if (low <= INT8_MIN && high >= INT8_MAX) {
        return;
    }
    const uint32_t lows = ((uint32_t)low & 0xFFu) * 0x01010101u;
    const uint32_t highs = ((uint32_t)high & 0xFFu) * 0x01010101u;
    int8_t *const words_end = values + (count & ~3);
    for (; values < words_end; values += 4) {
        uint32_t word;
        __builtin_memcpy(&word, values, sizeof word);
        word = clamp_four(word, lows, highs);
        __builtin_memcpy(values, &word, sizeof word);
    }
    for (int32_t i = 0; i < (count & 3); i++) {
        values[i] = (int8_t)ep_clamp(values[i], low, high);
    }
}
