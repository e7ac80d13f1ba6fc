"""Batches: selects rows of a data set, and converts pixels to floats.

A data set of images stays uint8, a quarter of its size in float32; only the rows of a batch are
converted, as they are read.
"""

from cython.parallel cimport prange
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcpy

from minidl._kernels.gather cimport ROWS_AHEAD, fetch_row, pixel_row
from minidl._kernels.instruction cimport Data, Run, Turn, at, instruction, row_of
from minidl._kernels.scalar cimport real

INSTRUCTIONS = {}


def pixels(const uint8_t[:, ::1] x, const int64_t[::1] rows, real[:, ::1] y, int threads):
    """y[i] = x[rows[i]] / 255, shapes (n, width), (batch,) and (batch, width).

    Threads share the rows. Cost: one pass over the selected rows and y.
    """
    cdef Py_ssize_t i, batch = rows.shape[0]
    for i in prange(batch, nogil=True, num_threads=threads, schedule="static"):
        if i + ROWS_AHEAD < batch:
            fetch_row(&x[rows[i + ROWS_AHEAD], 0], x.shape[1])
        pixel_row(&x[rows[i], 0], &y[i, 0], x.shape[1])


# ---- In a step -----------------------------------------------------------------------------------

cdef struct Gather:
    void *x


cdef int read_gather(void *it, dict given, size_t itemsize, list kept) except -1:
    return 0


cdef void run_gather(const Gather *_, const Turn *turn, real *scratch) noexcept nogil:
    """This thread's rows of the batch, into slot 0; nothing if they are read where they lie."""
    cdef const Data *data = turn.data
    cdef Py_ssize_t i, row, bytes = data.width * data.itemsize
    cdef char *x = <char *> turn.slots[0]
    for i in range(turn.first, turn.end if turn.input == turn.slots[0] else turn.first):
        row = row_of(data, turn.start + i)
        if data.pixels != NULL:
            pixel_row(data.pixels + row * data.width, <real *> x + i * data.width, data.width)
        else:
            memcpy(x + i * bytes, <const char *> data.numbers + row * bytes, bytes)


INSTRUCTIONS["gather"] = instruction(
    sizeof(Gather), read_gather, <Run> run_gather[float], <Run> run_gather[double],
    reads={}, writes={"x": "rows"})


cdef struct Store:
    Py_ssize_t y
    Py_ssize_t width


cdef int read_store(void *it, dict given, size_t itemsize, list kept) except -1:
    (<Store *> it).y, (<Store *> it).width = given["y"], given["width"]
    return 0


cdef void run_store(const Store *it, const Turn *turn, real *scratch) noexcept nogil:
    """This thread's rows of the outputs, to their place among those of all batches."""
    cdef Py_ssize_t first = turn.first * it.width
    memcpy(<real *> turn.outputs + turn.start * it.width + first,
           <const real *> at(turn, it.y) + first,
           (turn.end - turn.first) * it.width * sizeof(real))


INSTRUCTIONS["store"] = instruction(
    sizeof(Store), read_store, <Run> run_store[float], <Run> run_store[double],
    reads={"y": "rows"}, writes={})
