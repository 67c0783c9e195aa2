#include "ep_logistic_f32.h"

#include "ep_float_math.h"

static float logistic(float x)
{
    if (x > 16.619047164916992188f) {
        return 1.0f;
    }
    return x < -9.0f ? ep_expf(x) : 1.0f / (1.0f + ep_expf(-x));
}

EP_UNARY_KERNEL(ep_logistic_f32, float, float, logistic(x))
