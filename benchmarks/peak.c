/* Multiply-adds as fast as this processor can do them: each of the sums waits for its own last
   result only, and there are enough of them to keep every unit busy meanwhile.
   Compiled with -march=native -O2 -ffp-contract=fast, x * a + b becomes one instruction where the
   processor has it. */

#if defined(__AVX512F__)
enum { BYTES = 64 };
#elif defined(__AVX__)
enum { BYTES = 32 };
#else
enum { BYTES = 16 };
#endif
enum { SUMS = 12 };

typedef float vector __attribute__((vector_size(BYTES)));

/* Returns the operations done, a multiplication and an addition counted as two. */
long multiply_adds(long rounds, float *result)
{
    /* a and b such that the sums stay near 1. The compiler must not know them. */
    volatile float a_value = 0.5f, b_value = 0.5f;
    vector a = (vector){0} + a_value, b = (vector){0} + b_value;
    vector sums[SUMS];
#pragma GCC unroll 12
    for (int i = 0; i < SUMS; i++)
        sums[i] = a + (float)i;
    for (long round = 0; round < rounds; round++)
#pragma GCC unroll 12
        for (int i = 0; i < SUMS; i++)
            sums[i] = sums[i] * a + b;
#pragma GCC unroll 12
    for (int i = 1; i < SUMS; i++)
        sums[0] += sums[i];
    *result = sums[0][0];
    return 2 * rounds * SUMS * (long)(sizeof(vector) / sizeof(float));
}
