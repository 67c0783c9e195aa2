#include "ep_sha256.h"

#define ROUNDS 64u
#define LENGTH_AT 56u /* in the last block: the number of bits */

static const uint32_t constants[ROUNDS] = {
    0x428a2f98u, 0x71374491u, 0xb5c0fbcfu, 0xe9b5dba5u, 0x3956c25bu, 0x59f111f1u, 0x923f82a4u, 0xab1c5ed5u,
    0xd807aa98u, 0x12835b01u, 0x243185beu, 0x550c7dc3u, 0x72be5d74u, 0x80deb1feu, 0x9bdc06a7u, 0xc19bf174u,
    0xe49b69c1u, 0xefbe4786u, 0x0fc19dc6u, 0x240ca1ccu, 0x2de92c6fu, 0x4a7484aau, 0x5cb0a9dcu, 0x76f988dau,
    0x983e5152u, 0xa831c66du, 0xb00327c8u, 0xbf597fc7u, 0xc6e00bf3u, 0xd5a79147u, 0x06ca6351u, 0x14292967u,
    0x27b70a85u, 0x2e1b2138u, 0x4d2c6dfcu, 0x53380d13u, 0x650a7354u, 0x766a0abbu, 0x81c2c92eu, 0x92722c85u,
    0xa2bfe8a1u, 0xa81a664bu, 0xc24b8b70u, 0xc76c51a3u, 0xd192e819u, 0xd6990624u, 0xf40e3585u, 0x106aa070u,
    0x19a4c116u, 0x1e376c08u, 0x2748774cu, 0x34b0bcb5u, 0x391c0cb3u, 0x4ed8aa4au, 0x5b9cca4fu, 0x682e6ff3u,
    0x748f82eeu, 0x78a5636fu, 0x84c87814u, 0x8cc70208u, 0x90befffau, 0xa4506cebu, 0xbef9a3f7u, 0xc67178f2u,
};

static uint32_t rotated(uint32_t x, uint32_t by)
{
    return (x >> by) | (x << (32u - by));
}

static void schedule_of(const uint8_t *block, uint32_t *w)
{
    for (uint32_t i = 0u; i < 16u; i++) {
        w[i] = (uint32_t)block[4u * i] << 24 | (uint32_t)block[4u * i + 1u] << 16
            | (uint32_t)block[4u * i + 2u] << 8 | block[4u * i + 3u];
    }
    for (uint32_t i = 16u; i < ROUNDS; i++) {
        const uint32_t a = rotated(w[i - 15u], 7u) ^ rotated(w[i - 15u], 18u) ^ (w[i - 15u] >> 3);
        const uint32_t b = rotated(w[i - 2u], 17u) ^ rotated(w[i - 2u], 19u) ^ (w[i - 2u] >> 10);
        w[i] = w[i - 16u] + a + w[i - 7u] + b;
    }
}

static void add_block(ep_sha256 *hash)
{
    uint32_t w[ROUNDS];
    uint32_t s[8];
    schedule_of(hash->block, w);
    for (uint32_t i = 0u; i < 8u; i++) {
        s[i] = hash->state[i];
    }
    for (uint32_t i = 0u; i < ROUNDS; i++) {
        const uint32_t e = rotated(s[4], 6u) ^ rotated(s[4], 11u) ^ rotated(s[4], 25u);
        const uint32_t choice = (s[4] & s[5]) ^ (~s[4] & s[6]);
        const uint32_t one = s[7] + e + choice + constants[i] + w[i];
        const uint32_t a = rotated(s[0], 2u) ^ rotated(s[0], 13u) ^ rotated(s[0], 22u);
        const uint32_t two = a + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
        for (uint32_t k = 7u; k > 0u; k--) {
            s[k] = s[k - 1u];
        }
        s[4] += one;
        s[0] = one + two;
    }
    for (uint32_t i = 0u; i < 8u; i++) {
        hash->state[i] += s[i];
    }
}

void ep_sha256_begin(ep_sha256 *hash)
{
    static const uint32_t start[8] = {0x6a09e667u, 0xbb67ae85u, 0x3c6ef372u, 0xa54ff53au,
                                      0x510e527fu, 0x9b05688cu, 0x1f83d9abu, 0x5be0cd19u};
    for (uint32_t i = 0u; i < 8u; i++) {
        hash->state[i] = start[i];
    }
    hash->length = 0u;
}

void ep_sha256_add(ep_sha256 *hash, const uint8_t *data, uint32_t count)
{
    for (uint32_t i = 0u; i < count; i++) {
        hash->block[hash->length % EP_SHA256_BLOCK_BYTES] = data[i];
        hash->length++;
        if (hash->length % EP_SHA256_BLOCK_BYTES == 0u) {
            add_block(hash);
        }
    }
}

void ep_sha256_end(ep_sha256 *hash, uint8_t digest[EP_SHA256_BYTES])
{
    const uint64_t bits = 8u * hash->length;
    const uint8_t first = 0x80u;
    const uint8_t zero = 0u;
    ep_sha256_add(hash, &first, 1u);
    while (hash->length % EP_SHA256_BLOCK_BYTES != LENGTH_AT) {
        ep_sha256_add(hash, &zero, 1u);
    }
    for (uint32_t i = 0u; i < 8u; i++) {
        const uint8_t byte = (uint8_t)(bits >> (56u - 8u * i));
        ep_sha256_add(hash, &byte, 1u);
    }
    for (uint32_t i = 0u; i < EP_SHA256_BYTES; i++) {
        digest[i] = (uint8_t)(hash->state[i / 4u] >> (24u - 8u * (i % 4u)));
    }
}
