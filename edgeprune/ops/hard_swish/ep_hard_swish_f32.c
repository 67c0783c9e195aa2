#include "ep_hard_swish_f32.h"

static float hard_swish(float x)
{
    const float raised = x + 3.0f;
    const float positive = raised > 0.0f ? raised : 0.0f;
    return x * (positive < 6.0f ? positive : 6.0f) / 6.0f;
}

EP_UNARY_KERNEL(ep_hard_swish_f32, float, float, hard_swish(x))
