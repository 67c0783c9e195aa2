#include "ep_round_f32.h"

#include "ep_float_math.h"

static float round_to_even(float x)
{
    const float below = ep_round_floor(x, 0);
    const float rest = x - below;
    return rest < 0.5f || (rest == 0.5f && (int32_t)below % 2 == 0) ? below : below + 1.0f;
}

EP_UNARY_KERNEL(ep_round_f32, float, float, round_to_even(x))
