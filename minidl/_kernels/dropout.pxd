"""Dropout with random numbers that are computed from their position (Philox 4x32-10).

A generator with a state has to run in order. Philox turns a counter and a key into four random
words, by ten rounds of multiplying and mixing; so any thread can make any part of the mask, and the
backward pass makes it again instead of keeping it. The key is the seed; the counter is the number
of the block of four elements and the step. From the words a, b, c, d and the keys k, l a round
makes

    a' = high(0xCD9E8D57 c) ^ b ^ k    b' = low(0xCD9E8D57 c)    k' = k + 0x9E3779B9
    c' = high(0xD2511F53 a) ^ d ^ l    d' = low(0xD2511F53 a)    l' = l + 0xBB67AE85

where high and low are the halves of a 64-bit product. GROUP elements are made together: their
blocks lie side by side in vectors, each word in the low half of 64 bits, which leaves room for a
product. The high half may hold anything, as a product reads only the low half.

Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
"""

from libc.stdint cimport uint32_t, uint64_t

from minidl._kernels.cpu cimport VECTOR_BYTES
from minidl._kernels.scalar cimport real

cdef extern from *:
    """
    #include <stdint.h>
    #define BLOCKS 32  /* half as many take a third longer: a round waits for its products */
    #define GROUP (4 * BLOCKS)
    #define VECTORS (8 * BLOCKS / VECTOR_BYTES)
    typedef uint64_t words __attribute__((vector_size(VECTOR_BYTES), aligned(8), may_alias));
    /* The product of the low halves. x86 has an instruction for it, which GCC 12 does not find:
       it multiplies all 64 bits, in three multiplications (2.2 ns an element, not 0.9). */
    #if defined(__x86_64__)
    #include <immintrin.h>
    #if VECTOR_BYTES == 64
    #define product(x, factor) ((words) _mm512_mul_epu32((__m512i) (x), _mm512_set1_epi64(factor)))
    #elif VECTOR_BYTES == 32
    #define product(x, factor) ((words) _mm256_mul_epu32((__m256i) (x), _mm256_set1_epi64x(factor)))
    #else
    #define product(x, factor) ((words) _mm_mul_epu32((__m128i) (x), _mm_set1_epi64x(factor)))
    #endif
    #else
    #define product(x, factor) (((x) & 0xFFFFFFFFu) * (uint64_t) (factor))
    #endif
    """
    ctypedef uint64_t words  # a vector of them
    words product(words x, uint32_t factor) noexcept nogil
    enum:
        BLOCKS  # of four words, made together
        GROUP  # elements that these words are for
        VECTORS  # that hold one word of every block

cdef struct Blocks:
    uint64_t[BLOCKS] a, b, c, d  # the words of the blocks: counters before, random after


cdef inline void philox(Blocks *blocks, uint32_t k, uint32_t l) noexcept nogil:
    """Turns every block's counter into its random words, under the key (k, l)."""
    cdef words *a = <words *> blocks.a
    cdef words *b = <words *> blocks.b
    cdef words *c = <words *> blocks.c
    cdef words *d = <words *> blocks.d
    cdef words of_a, of_c
    cdef int _, i
    for _ in range(10):
        for i in range(VECTORS):
            of_a, of_c = product(a[i], 0xD2511F53u), product(c[i], 0xCD9E8D57u)
            a[i], b[i] = (of_c >> 32) ^ b[i] ^ k, of_c
            c[i], d[i] = (of_a >> 32) ^ d[i] ^ l, of_a
        k += 0x9E3779B9u
        l += 0xBB67AE85u


cdef struct Mask:
    # Which elements are dropped, and the factor for the others.
    uint64_t seed
    uint64_t step
    uint32_t last  # the largest random word that drops its element
    double scale


cdef inline void drop(
    const real *x, real *y, Py_ssize_t first, Py_ssize_t end, Mask mask
) noexcept nogil:
    """y_i = 0 if word i is at most `last`, else scale · x_i, for i = first ... end - 1."""
    cdef Blocks blocks
    cdef uint32_t[GROUP] word
    cdef Py_ssize_t group = first // GROUP, i
    cdef uint64_t block
    cdef real kept
    while group * GROUP < end:
        for i in range(BLOCKS):
            block = <uint64_t> (group * BLOCKS + i)
            blocks.a[i] = block
            blocks.b[i] = block >> 32
            blocks.c[i] = mask.step
            blocks.d[i] = mask.step >> 32
        philox(&blocks, <uint32_t> mask.seed, <uint32_t> (mask.seed >> 32))
        for i in range(BLOCKS):
            word[4 * i] = <uint32_t> blocks.a[i]
            word[4 * i + 1] = <uint32_t> blocks.b[i]
            word[4 * i + 2] = <uint32_t> blocks.c[i]
            word[4 * i + 3] = <uint32_t> blocks.d[i]
        for i in range(max(first, group * GROUP), min(end, (group + 1) * GROUP)):
            kept = <real> (x[i] * mask.scale)  # for every element, as a random branch takes 5 ns
            y[i] = 0 if word[i - group * GROUP] <= mask.last else kept
        group += 1
