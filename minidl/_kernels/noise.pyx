"""Gaussian noise over a whole array, in parallel, from dropout.pxd's random numbers.

Box and Muller turn two uniform numbers into two normal ones. Each block of four random words makes
four, for four elements next to each other, so the noise depends on seed, step and position only.
Everything is in double precision: float32 and float64 get the same noise.

Box, Muller, "A note on the generation of random normal deviates", Annals of Mathematical
Statistics 29, 1958.
"""

from cython.parallel cimport prange
from libc.math cimport copysign, fabs, sqrt
from libc.stdint cimport int32_t, uint32_t, uint64_t

from minidl._kernels.dropout cimport DROPOUT_LANES, GROUP, Blocks, philox
from minidl._kernels.scalar cimport log64, real, sine_of_turns

cdef enum:
    NOISE = 0x80000000u  # in a counter's second word, so that dropout's numbers are others


cdef inline double radius(uint32_t word) noexcept nogil:
    """sqrt(-2 ln u) for u = (word + 1/2) / 2^32: from 1.5e-5 to 6.76."""
    # A signed word is what processors convert.
    cdef double u = (<double> <int32_t> (word ^ 0x80000000u) + 2147483648.5) / 4294967296.0
    return sqrt(-2.0 * log64(u, False))


cdef inline double cosine(double t) noexcept nogil:
    """cos(2 pi t) for |t| <= 1/2."""
    return sine_of_turns(0.25 - fabs(t))


cdef inline double sine(double t) noexcept nogil:
    """sin(2 pi t) for |t| <= 1/2, by sin(pi - x) = sin x."""
    return sine_of_turns(copysign(0.25 - fabs(fabs(t) - 0.25), t))


cdef inline void box_muller(
    const uint32_t *a, const uint32_t *b, double *first, double *second, Py_ssize_t n
) noexcept nogil:
    """r cos 2 pi t and r sin 2 pi t: the radius r comes from a, the turn t from b."""
    cdef Py_ssize_t i
    cdef double r, t
    for i in range(n):
        r = radius(a[i])
        t = <double> <int32_t> b[i] / 4294967296.0
        first[i] = r * cosine(t)
        second[i] = r * sine(t)


cdef inline void add_noise(
    const real *x, double sd, real *y, Py_ssize_t first, Py_ssize_t end, uint64_t seed,
    uint64_t step
) noexcept nogil:
    """y_i = x_i + sd n_i for i = first ... end - 1, which are of one group."""
    cdef Blocks blocks
    cdef double[4][DROPOUT_LANES] normal  # word w of block i makes the noise of element 4 i + w
    cdef Py_ssize_t i, block
    for i in range(DROPOUT_LANES):
        block = first // 4 + i
        blocks.a[i] = <uint32_t> block
        blocks.b[i] = <uint32_t> (<uint64_t> block >> 32) | NOISE
        blocks.c[i] = <uint32_t> step
        blocks.d[i] = <uint32_t> (step >> 32)
    philox(&blocks, <uint32_t> seed, <uint32_t> (seed >> 32))
    box_muller(blocks.a, blocks.b, normal[0], normal[1], DROPOUT_LANES)
    box_muller(blocks.c, blocks.d, normal[2], normal[3], DROPOUT_LANES)
    for i in range(end - first):
        y[first + i] = <real> (x[first + i] + sd * normal[i % 4][i // 4])


def gaussian_noise(
    const real[::1] x, double sd, real[::1] y, uint64_t seed, uint64_t step, int threads
):
    """y = x + sd n, n standard normal; shapes (n,) and (n,).

    dx = dy, so there is no backward. Cost: one pass over x and y; Philox, one logarithm and a
    sine and a cosine for two elements.
    """
    cdef Py_ssize_t group, n = x.shape[0]
    if n == 0:
        return
    for group in prange((n + GROUP - 1) // GROUP, nogil=True, num_threads=threads,
                        schedule="static"):
        add_noise(&x[0], sd, &y[0], group * GROUP, min(n, (group + 1) * GROUP), seed, step)


def normals(const uint32_t[::1] a, const uint32_t[::1] b, double[::1] first, double[::1] second):
    """The two normal numbers of each pair of words; shapes (n,). For tests of the far tails."""
    if a.shape[0]:
        box_muller(&a[0], &b[0], &first[0], &second[0], a.shape[0])
