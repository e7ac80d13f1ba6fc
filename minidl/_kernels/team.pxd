"""A team of threads at work on one batch after the other: who has which rows, and the rows.

Between two meetings (meeting.pxd) a thread touches nothing that another one writes.
"""

from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcpy

from minidl._kernels.gather cimport fetch_row, pixel_row
from minidl._kernels.losses cimport Loss
from minidl._kernels.meeting cimport Meeting
from minidl._kernels.scalar cimport real

cdef extern from *:
    """
    #ifdef _OPENMP
    #include <omp.h>
    #else
    static inline int omp_get_thread_num(void) { return 0; }
    static inline int omp_get_num_threads(void) { return 1; }
    #endif
    """
    int omp_get_thread_num() noexcept nogil
    int omp_get_num_threads() noexcept nogil


cdef struct Turn:
    # One thread's part in one step: n rows of the order from `start` on, of which rows first ...
    # end - 1 of the batch are its own.
    Py_ssize_t step
    Py_ssize_t start
    Py_ssize_t n
    Py_ssize_t first
    Py_ssize_t end
    int thread
    int threads
    Meeting *meeting


cdef struct Data:
    # The data set, what is wanted of its rows, their order, and where a batch of them goes.
    Py_ssize_t rows
    Py_ssize_t batch
    const uint8_t *pixels  # or NULL
    const void *numbers
    const int64_t *order  # NULL: as they come
    Loss loss
    void *x
    double *losses  # of a batch's rows


cdef inline Py_ssize_t share(Py_ssize_t n, Py_ssize_t part, Py_ssize_t parts) noexcept nogil:
    """Where the share `part` of n things begins."""
    return n * part // parts


cdef inline Turn turn_of(
    Data *data, Py_ssize_t step, int thread, Meeting *meeting
) noexcept nogil:
    cdef int threads = meeting.threads
    cdef Py_ssize_t start = step * data.batch, n = min(data.batch, data.rows - start)
    cdef Py_ssize_t first = share(n, thread, threads), end = share(n, thread + 1, threads)
    return Turn(step, start, n, first, end, thread, threads, meeting)


cdef inline Py_ssize_t row_of(Data *data, Py_ssize_t i) noexcept nogil:
    """The data set's row that comes as number i."""
    return i if data.order == NULL else data.order[i]


cdef inline const real *gather_rows(
    Data *data, Turn turn, Py_ssize_t width, real *x
) noexcept nogil:
    """This thread's rows of the batch, in x; or where the batch lies, if it is numbers in a row."""
    cdef Py_ssize_t i
    cdef const real *numbers = <const real *> data.numbers
    if data.pixels == NULL and data.order == NULL:
        return numbers + turn.start * width
    for i in range(turn.first, turn.end):
        if data.pixels != NULL:
            pixel_row(data.pixels + row_of(data, turn.start + i) * width, x + i * width, width)
        else:
            memcpy(x + i * width, numbers + data.order[turn.start + i] * width,
                   width * sizeof(real))
    return x


cdef inline void fetch_rows(
    Data *data, Py_ssize_t first, Py_ssize_t end, Py_ssize_t width, size_t itemsize
) noexcept nogil:
    """Asks for rows that the next batch needs, and their targets. Shuffled, they lie anywhere in
    memory, and to wait for them takes as long as to convert them; so they come while the weights
    are updated."""
    cdef Py_ssize_t i, row
    for i in range(first, min(end, data.rows)):
        row = row_of(data, i)
        fetch_row(data.loss.targets + row * data.loss.target_bytes, data.loss.target_bytes)
        if data.pixels != NULL:
            fetch_row(data.pixels + row * width, width)
        else:
            fetch_row(<const char *> data.numbers + row * width * itemsize, width * itemsize)
