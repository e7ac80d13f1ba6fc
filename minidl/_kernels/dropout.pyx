"""Dropout over a whole array, in parallel. The random numbers are made in dropout.pxd."""

from cython.parallel cimport prange
from libc.stdint cimport uint32_t, uint64_t

from minidl._kernels.dropout cimport BLOCKS, GROUP, Blocks, Mask, drop, philox
from minidl._kernels.instruction cimport Run, Turn, at, instruction
from minidl._kernels.scalar cimport real

INSTRUCTIONS = {}


def dropout(
    const real[::1] x, real[::1] y, uint64_t seed, uint64_t step, uint32_t last,
    double scale, int threads
):
    """y = 0 with probability (last + 1) / 2^32, else scale · x; shapes (n,) and (n,).

    Which elements are dropped depends only on seed, step and position: applied to dy, the function
    is its own backward pass. Every thread makes whole groups. Cost: one pass over x and y, and 20
    multiplications for four elements.
    """
    cdef Py_ssize_t n = x.shape[0], thread
    cdef Py_ssize_t share = (n // GROUP + threads) // threads * GROUP
    cdef Mask mask = Mask(seed, step, last, scale)
    if n == 0:
        return
    for thread in prange(threads, nogil=True, num_threads=threads, schedule="static"):
        drop(&x[0], &y[0], thread * share, min(n, (thread + 1) * share), mask)


def philox_words(const uint32_t[::1] counter, const uint32_t[::1] key, uint32_t[::1] words):
    """The random words (4,) of one counter (4,) and key (2,); for the published test vectors."""
    cdef Blocks blocks
    cdef int i
    for i in range(BLOCKS):
        blocks.a[i], blocks.b[i] = counter[0], counter[1]
        blocks.c[i], blocks.d[i] = counter[2], counter[3]
    philox(&blocks, key[0], key[1])
    words[0], words[1] = <uint32_t> blocks.a[0], <uint32_t> blocks.b[0]
    words[2], words[3] = <uint32_t> blocks.c[0], <uint32_t> blocks.d[0]


def drop_part(
    const real[::1] x, real[::1] y, Py_ssize_t first, uint64_t seed, uint64_t step, uint32_t last,
    double scale
):
    """Elements first, first + 1, ... of a longer array, as a step makes them for a few rows; x and
    y hold only these. For the tests."""
    cdef Mask mask = Mask(seed, step, last, scale)
    drop(&x[0] - first, &y[0] - first, first, first + x.shape[0], mask)


# ---- In a step -----------------------------------------------------------------------------------

cdef struct Dropout:
    Py_ssize_t x
    Py_ssize_t y
    Py_ssize_t width
    Mask mask  # of the first step


cdef int read_dropout(void *it, dict given, size_t itemsize, list kept) except -1:
    cdef Dropout *dropout = <Dropout *> it
    dropout.x, dropout.y, dropout.width = given["x"], given["y"], given["width"]
    layer = given["layer"]
    dropout.mask = Mask(layer.seed, layer.calls, given["last"], given["scale"])
    return 0


cdef void run_dropout(const Dropout *it, const Turn *turn, real *scratch) noexcept nogil:
    """y = x with some elements of this thread's rows dropped; backward, dx = dy with the same
    ones."""
    cdef Mask mask = it.mask
    mask.step += turn.step
    drop(<const real *> at(turn, it.x), <real *> at(turn, it.y), turn.first * it.width,
         turn.end * it.width, mask)


INSTRUCTIONS["dropout"] = instruction(
    sizeof(Dropout), read_dropout, <Run> run_dropout[float], <Run> run_dropout[double],
    reads={"x": "rows"}, writes={"y": "rows"})
