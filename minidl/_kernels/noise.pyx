"""Gaussian noise over a whole array, in parallel, from dropout.pxd's random numbers.

Box and Muller turn two uniform numbers into two normal ones. Each block of four random words makes
the noise of four neighbouring elements, so the noise depends only on seed, step and position.
Everything is in double precision: float32 and float64 get the same noise.

Box, Muller, "A note on the generation of random normal deviates", Annals of Mathematical
Statistics 29, 1958.
"""

from cython.parallel cimport prange
from libc.math cimport copysign, fabs, sqrt
from libc.stdint cimport int32_t, uint32_t, uint64_t

from minidl._kernels.dropout cimport BLOCKS, GROUP, Blocks, philox
from minidl._kernels.instruction cimport Run, Turn, at, instruction
from minidl._kernels.scalar cimport normal_log64, real, sine_of_turns

INSTRUCTIONS = {}

cdef enum:
    NOISE = 0x80000000u  # in a counter's second word, so that dropout's numbers differ


cdef inline double radius(uint32_t word) noexcept nogil:
    """sqrt(-2 ln u) for u = (word + 1/2) / 2^32: from 1.5e-5 to 6.76."""
    # Processors convert signed words.
    cdef double u = (<double> <int32_t> (word ^ 0x80000000u) + 2147483648.5) / 4294967296.0
    return sqrt(-2.0 * normal_log64(u, False))


cdef inline double cosine(double t) noexcept nogil:
    """cos(2 pi t) for |t| <= 1/2."""
    return sine_of_turns(0.25 - fabs(t))


cdef inline double sine(double t) noexcept nogil:
    """sin(2 pi t) for |t| <= 1/2, by sin(pi - x) = sin x."""
    return sine_of_turns(copysign(0.25 - fabs(fabs(t) - 0.25), t))


cdef inline void box_muller(
    const uint64_t *a, const uint64_t *b, double *first, double *second, Py_ssize_t n
) noexcept nogil:
    """r cos 2 pi t and r sin 2 pi t: the radius r comes from a, the turn t from b. The words are
    low halves, as philox leaves them."""
    cdef Py_ssize_t i
    cdef double r, t
    for i in range(n):
        r = radius(<uint32_t> a[i])
        t = <double> <int32_t> <uint32_t> b[i] / 4294967296.0
        first[i] = r * cosine(t)
        second[i] = r * sine(t)


cdef void add_noise(
    const real *x, double sd, real *y, Py_ssize_t first, Py_ssize_t end, uint64_t seed,
    uint64_t step
) noexcept nogil:
    """y_i = x_i + sd n_i for i = first ... end - 1."""
    cdef Blocks blocks
    cdef double[4][BLOCKS] normal  # word w of block i makes the noise of element 4 i + w
    cdef double[GROUP] noise  # in the elements' order, so that adding it takes vectors
    cdef Py_ssize_t group = first // GROUP, i, k
    cdef uint64_t block
    while group * GROUP < end:
        for i in range(BLOCKS):
            block = <uint64_t> (group * BLOCKS + i)
            blocks.a[i] = block
            blocks.b[i] = block >> 32 | NOISE
            blocks.c[i] = step
            blocks.d[i] = step >> 32
        philox(&blocks, <uint32_t> seed, <uint32_t> (seed >> 32))
        box_muller(blocks.a, blocks.b, normal[0], normal[1], BLOCKS)
        box_muller(blocks.c, blocks.d, normal[2], normal[3], BLOCKS)
        for i in range(BLOCKS):
            for k in range(4):
                noise[4 * i + k] = normal[k][i]
        for i in range(max(first, group * GROUP), min(end, (group + 1) * GROUP)):
            y[i] = <real> (x[i] + sd * noise[i - group * GROUP])
        group += 1


def gaussian_noise(
    const real[::1] x, double sd, real[::1] y, uint64_t seed, uint64_t step, int threads
):
    """y = x + sd n, n standard normal; shapes (n,) and (n,).

    dx = dy, so there is no backward. Cost: one pass over x and y; Philox, one logarithm and a
    sine and a cosine for two elements.
    """
    cdef Py_ssize_t n = x.shape[0], thread
    cdef Py_ssize_t share = (n // GROUP + threads) // threads * GROUP
    if n == 0:
        return
    for thread in prange(threads, nogil=True, num_threads=threads, schedule="static"):
        add_noise(&x[0], sd, &y[0], thread * share, min(n, (thread + 1) * share), seed, step)


def normals(const uint64_t[::1] a, const uint64_t[::1] b, double[::1] first, double[::1] second):
    """The two normal numbers of each pair of words; shapes (n,). For tests of the tails."""
    if a.shape[0]:
        box_muller(&a[0], &b[0], &first[0], &second[0], a.shape[0])


# ---- In a step -----------------------------------------------------------------------------------

cdef struct Noise:
    Py_ssize_t x
    Py_ssize_t y
    Py_ssize_t width
    double sd
    uint64_t seed
    uint64_t step  # the first


cdef int read_noise(void *it, dict given, size_t itemsize, list kept) except -1:
    cdef Noise *noise = <Noise *> it
    noise.x, noise.y, noise.width, noise.sd = given["x"], given["y"], given["width"], given["sd"]
    layer = given["layer"]
    noise.seed, noise.step = layer.seed, layer.calls
    return 0


cdef void run_noise(const Noise *it, const Turn *turn, real *scratch) noexcept nogil:
    """y = x + sd n for this thread's rows."""
    add_noise(<const real *> at(turn, it.x), it.sd, <real *> at(turn, it.y),
              turn.first * it.width, turn.end * it.width, it.seed, it.step + turn.step)


INSTRUCTIONS["noise"] = instruction(
    sizeof(Noise), read_noise, <Run> run_noise[float], <Run> run_noise[double],
    reads={"x": "rows"}, writes={"y": "rows"})
