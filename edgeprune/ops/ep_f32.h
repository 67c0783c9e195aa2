/* What the float kernels share: floats.py in C. */
#ifndef EP_F32_H
#define EP_F32_H

/* x between low and high; -0 and NaN stay what they are. */
static inline float ep_clamp_f32(float x, float low, float high)
{
    const float raised = x < low ? low : x;
    return high < raised ? high : raised;
}

#endif
