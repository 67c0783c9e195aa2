/* Loops that elementwise kernels share: what they compute of one element is an argument. */
#ifndef EP_ELEMENTWISE_H
#define EP_ELEMENTWISE_H

#include "ep_math.h"

/* The params of a kernel that goes through one input of `count` elements. */
typedef struct {
    int32_t count;
} ep_unary_params;

/* Defines kernel NAME: each output is EXPRESSION of the input x. */
#define EP_UNARY_KERNEL(NAME, IN, OUT, EXPRESSION)          \
    void NAME(const NAME##_params *p, const IN *in, OUT *out) \
    {                                                       \
        for (int32_t i = 0; i < p->count; i++) {            \
            const IN x = in[i];                             \
            out[i] = (OUT)(EXPRESSION);                     \
        }                                                   \
    }

/* The first fields of the params of a kernel that walks two inputs along the output; those of
 * broadcast.py. Strides and steps are in elements, 0 where an input is broadcast. */
#define EP_BINARY_FIELDS         \
    int32_t extents[EP_LOOPS];   \
    int32_t strides_a[EP_LOOPS]; \
    int32_t strides_b[EP_LOOPS]; \
    int32_t count;               \
    int32_t step_a;              \
    int32_t step_b

/* Defines kernel NAME: each output is EXPRESSION of the inputs x and y. */
#define EP_BINARY_KERNEL(NAME, IN_A, IN_B, OUT, EXPRESSION)                     \
    void NAME(const NAME##_params *p, const IN_A *a, const IN_B *b, OUT *out)   \
    {                                                                           \
        int32_t at[EP_LOOPS] = {0};                                             \
        do {                                                                    \
            const IN_A *from_a = a + ep_loop_offset(at, p->strides_a);          \
            const IN_B *from_b = b + ep_loop_offset(at, p->strides_b);          \
            for (int32_t i = 0; i < p->count; i++) {                            \
                const IN_A x = from_a[i * p->step_a];                           \
                const IN_B y = from_b[i * p->step_b];                           \
                *out++ = (OUT)(EXPRESSION);                                     \
            }                                                                   \
        } while (ep_loop_next(at, p->extents));                                 \
    }

#endif
