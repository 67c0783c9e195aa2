/* Source: Arm Optimized Routines, math/expf.c and logf.c (the method, the polynomials' coefficients
 * and the table of logarithms), which glibc took over in 2.28; Sun's fdlibm for expm1.
 */
#include "ep_float_math.h"

#define INFINITE UINT32_C(0x7f800000)
#define QUIET UINT32_C(0x00400000)
#define INVALID UINT32_C(0xffc00000)
#define SIGN UINT32_C(0x80000000)

/* 2^(i/32). */
static const double powers[32] = {
    0x1p+0, 0x1.059b0d3158574p+0, 0x1.0b5586cf9890fp+0, 0x1.11301d0125b51p+0,
    0x1.172b83c7d517bp+0, 0x1.1d4873168b9aap+0, 0x1.2387a6e756238p+0, 0x1.29e9df51fdee1p+0,
    0x1.306fe0a31b715p+0, 0x1.371a7373aa9cbp+0, 0x1.3dea64c123422p+0, 0x1.44e086061892dp+0,
    0x1.4bfdad5362a27p+0, 0x1.5342b569d4f82p+0, 0x1.5ab07dd485429p+0, 0x1.6247eb03a5585p+0,
    0x1.6a09e667f3bcdp+0, 0x1.71f75e8ec5f74p+0, 0x1.7a11473eb0187p+0, 0x1.82589994cce13p+0,
    0x1.8ace5422aa0dbp+0, 0x1.93737b0cdc5e5p+0, 0x1.9c49182a3f09p+0, 0x1.a5503b23e255dp+0,
    0x1.ae89f995ad3adp+0, 0x1.b7f76f2fb5e47p+0, 0x1.c199bdd85529cp+0, 0x1.cb720dcef9069p+0,
    0x1.d5818dcfba487p+0, 0x1.dfc97337b9b5fp+0, 0x1.ea4afa2a490dap+0, 0x1.f50765b6e454p+0,
};

/* 1/c and log(c) for a c near the middle of each sixteenth of [0.7, 1.4). */
static const double centres[16][2] = {
    {0x1.661ec79f8f3bep+0, -0x1.57bf7808caadep-2}, {0x1.571ed4aaf883dp+0, -0x1.2bef0a7c06ddbp-2},
    {0x1.49539f0f010bp+0, -0x1.01eae7f513a67p-2},  {0x1.3c995b0b80385p+0, -0x1.b31d8a68224e9p-3},
    {0x1.30d190c8864a5p+0, -0x1.6574f0ac07758p-3}, {0x1.25e227b0b8eap+0, -0x1.1aa2bc79c81p-3},
    {0x1.1bb4a4a1a343fp+0, -0x1.a4e76ce8c0e5ep-4}, {0x1.12358f08ae5bap+0, -0x1.1973c5a611cccp-4},
    {0x1.0953f419900a7p+0, -0x1.252f438e10c1ep-5}, {0x1p+0, 0x0p+0},
    {0x1.e608cfd9a47acp-1, 0x1.aa5aa5df25984p-5},  {0x1.ca4b31f026aap-1, 0x1.c5e53aa362eb4p-4},
    {0x1.b2036576afce6p-1, 0x1.526e57720db08p-3},  {0x1.9c2d163a1aa2dp-1, 0x1.bc2860d22477p-3},
    {0x1.886e6037841edp-1, 0x1.1058bc8a07ee1p-2},  {0x1.767dcf5534862p-1, 0x1.4043057b6ee09p-2},
};

/* x * 2^exponent of a normal x and product. */
static double scaled(double x, int32_t exponent)
{
    union {
        double real;
        uint64_t bits;
    } both = {.real = x};
    both.bits += (uint64_t)(int64_t)exponent << 52;
    return both.real;
}

/* exp(x) = 2^(k/32) * 2^(r/32), k an integer and |r| at most 1/2: a table, and a cubic polynomial. */
float ep_expf(float x)
{
    if (x != x) {
        return ep_bits_float(ep_float_bits(x) | QUIET);
    }
    if (x > 0x1.62e42ep+6f) {
        return ep_bits_float(INFINITE);
    }
    if (x < -104.0f) {
        return 0.0f;
    }
    const double z = 0x1.71547652b82fep+5 * (double)x;
    const double nearest = (z + 0x1.8p+52) - 0x1.8p+52;
    const double r = z - nearest;
    const int32_t k = (int32_t)nearest;
    const double high = 0x1.c6af84b912394p-20 * r + 0x1.ebfce50fac4f3p-13;
    const double low = 0x1.62e42ff0c52d6p-6 * r + 1.0;
    return (float)((high * (r * r) + low) * scaled(powers[k & 31], k >> 5));
}

/* log(x) = k log(2) + log(c) + log(1 + r), r = m / c - 1, x = 2^k m, m in [0.7, 1.4). */
float ep_logf(float x)
{
    uint32_t bits = ep_float_bits(x);
    if (x != x) {
        return ep_bits_float(bits | QUIET);
    }
    if (bits << 1 == 0) {
        return ep_bits_float(INFINITE | SIGN);
    }
    if (bits & SIGN) {
        return ep_bits_float(INVALID);
    }
    if (bits == INFINITE) {
        return x;
    }
    int32_t k = 0;
    if (bits < UINT32_C(0x00800000)) {
        bits = ep_float_bits(x * 0x1p+23f);
        k = -23;
    }
    const uint32_t above = bits - UINT32_C(0x3f330000); /* the float 0.7 */
    const double *centre = centres[above >> 19 & 15u];
    k += (int32_t)above >> 23;
    const double r = (double)ep_bits_float(bits - (above & UINT32_C(0xff800000))) * centre[0] - 1.0;
    const double base = centre[1] + (double)k * 0x1.62e42fefa39efp-1;
    const double r2 = r * r;
    double y = 0x1.5575b0be00b6ap-2 * r + -0x1.ffffef20a4123p-2;
    y = -0x1.00ea348b88334p-2 * r2 + y;
    return (float)(y * r2 + (base + r));
}

/* The root digit by digit, one bit more than a float has: that bit rounds, a tie is not possible. */
float ep_sqrtf(float x)
{
    uint32_t bits = ep_float_bits(x);
    if (x != x) {
        return ep_bits_float(bits | QUIET);
    }
    if (bits << 1 == 0 || bits == INFINITE) {
        return x;
    }
    if (bits & SIGN) {
        return ep_bits_float(INVALID);
    }
    int32_t exponent = (int32_t)(bits >> 23);
    uint32_t rest = bits & UINT32_C(0x007fffff);
    if (exponent == 0) {
        exponent = 1;
        while (rest < UINT32_C(0x00800000)) {
            rest <<= 1;
            exponent--;
        }
    }
    rest |= UINT32_C(0x00800000);
    exponent -= 127;
    rest <<= exponent & 1 ? 2 : 1;
    uint32_t root = 0;
    for (uint32_t digit = UINT32_C(0x01000000), twice = 0; digit > 0; digit >>= 1) {
        if (twice + digit <= rest) {
            rest -= twice + digit;
            twice += 2 * digit;
            root += digit;
        }
        rest <<= 1;
    }
    return ep_bits_float(((root + (root & 1u)) >> 1) + ((uint32_t)((exponent >> 1) + 126) << 23));
}

#define LN2_HIGH 0x1.62e300p-1f
#define LN2_LOW 0x1.2fefa2p-17f

/* y * 2^exponent; the result is normal, or infinite. */
static float scaled_float(float y, int32_t exponent)
{
    if (exponent == 128) {
        return y * 2.0f * 0x1p+127f;
    }
    return ep_bits_float(ep_float_bits(y) + ((uint32_t)exponent << 23));
}

/* exp(x + c) - 1 - x, near zero: a rational function whose numerator is a polynomial in x^2 / 2. */
static float expm1_near_zero(float x, float c, int32_t has_c)
{
    const float half = 0.5f * x;
    const float s = x * half;
    const float r = 1.0f + s * (-0x1.111112p-5f +
                                s * (0x1.a01a02p-10f +
                                     s * (-0x1.4ce19ap-14f + s * (0x1.0cfca8p-18f + s * -0x1.afdb76p-23f))));
    const float t = 3.0f - r * half;
    const float e = s * ((r - t) / (6.0f - x * t));
    return has_c ? (x * (e - c) - c) - s : x * e - s;
}

/* exp(x) - 1 = 2^k exp(x - k log(2)) - 1, put together so that as little as possible is rounded away. */
static float expm1_assembled(float x, float e, int32_t k)
{
    if (k == 0) {
        return x - e;
    }
    if (k == -1) {
        return 0.5f * (x - e) - 0.5f;
    }
    if (k == 1) {
        return x < -0.25f ? -2.0f * (e - (x + 0.5f)) : 1.0f + 2.0f * (x - e);
    }
    if (k < 0 || k > 56) {
        return scaled_float(1.0f - (e - x), k) - 1.0f;
    }
    const float tiny = ep_bits_float((uint32_t)(127 - k) << 23); /* 2^-k */
    if (k < 23) {
        return scaled_float((1.0f - tiny) - (e - x), k);
    }
    return scaled_float((x - (e + tiny)) + 1.0f, k);
}

float ep_expm1f(float x)
{
    const uint32_t bits = ep_float_bits(x);
    const uint32_t magnitude = bits & ~SIGN;
    if (x != x) {
        return ep_bits_float(bits | QUIET);
    }
    if (x > 0x1.62e42ep+6f) {
        return ep_bits_float(INFINITE);
    }
    if (x <= -0x1.2b7088p+4f) { /* 27 log(2) */
        return -1.0f;
    }
    if (magnitude < UINT32_C(0x33000000)) { /* 2^-25 */
        return x;
    }
    if (magnitude <= UINT32_C(0x3eb17218)) { /* log(2) / 2 */
        return expm1_assembled(x, expm1_near_zero(x, 0.0f, 0), 0);
    }
    int32_t k = x < 0.0f ? -1 : 1;
    if (magnitude >= UINT32_C(0x3f851592)) { /* 3 log(2) / 2 */
        k = (int32_t)(0x1.715476p+0f * x + (x < 0.0f ? -0.5f : 0.5f));
    }
    const float high = x - (float)k * LN2_HIGH;
    const float low = (float)k * LN2_LOW;
    const float rest = high - low;
    const float c = (high - rest) - low;
    return expm1_assembled(rest, expm1_near_zero(rest, c, 1), k);
}

float ep_tanhf(float x)
{
    const uint32_t bits = ep_float_bits(x);
    const uint32_t sign = bits & SIGN;
    const float size = ep_bits_float(bits & ~SIGN);
    if (x != x) {
        return ep_bits_float(bits | QUIET);
    }
    if (size < 0x1p-55f) {
        return x * (1.0f + x);
    }
    if (size >= 22.0f) {
        return ep_bits_float(ep_float_bits(1.0f) | sign);
    }
    float tanh;
    if (size >= 1.0f) {
        tanh = 1.0f - 2.0f / (ep_expm1f(2.0f * size) + 2.0f);
    } else {
        const float t = ep_expm1f(-2.0f * size);
        tanh = -t / (t + 2.0f);
    }
    return ep_bits_float(ep_float_bits(tanh) ^ sign);
}
