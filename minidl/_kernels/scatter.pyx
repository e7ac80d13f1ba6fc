"""The gradient of indexing: what came from the same place is added up there.

Places are sorted first, by counting, so that each place knows all that came from it. Then every
sum is one thread's, in the order of the index and in double precision, and its bits depend
neither on the thread count nor on the other places.
"""

from cython.parallel cimport prange
from libc.stdint cimport int64_t

from minidl._kernels.real cimport real

cdef enum:
    COLUMNS = 512  # sums in double precision that are made at a time: 4 KB
    PIECE = 64  # places that a thread takes at a time


def add_rows(const real[:, :, ::1] x, const int64_t[::1] places, real[:, :, ::1] y,
             int64_t[::1] order, int64_t[::1] ends, int threads):
    """y[n, i] = the sum of x[n, j] over all j with places[j] = i; 0 where there is none.

    Shapes: x (n, m, columns), places (m,), y (n, rows, columns); memory for the sorting: order
    (m,), ends (rows,). Cost: one pass over x and y, and three over the places.
    """
    cdef Py_ssize_t rows = y.shape[1], columns = y.shape[2], job, n, first
    cdef Py_ssize_t pieces = (rows + PIECE - 1) // PIECE
    if y.shape[0] == 0 or rows == 0 or columns == 0:
        return
    sort(places, order, ends)
    for job in prange(y.shape[0] * pieces, nogil=True, num_threads=threads, schedule="static"):
        n = job // pieces
        first = job % pieces * PIECE
        sum_piece(&x[n, 0, 0], &order[0], &ends[0], &y[n, 0, 0], first, min(rows, first + PIECE),
                  columns)


cdef void sort(const int64_t[::1] places, int64_t[::1] order, int64_t[::1] ends) noexcept nogil:
    """order = all j by their places, those of one place as they came; ends[i]: where i's end."""
    cdef Py_ssize_t i, j
    cdef int64_t start = 0, count
    for i in range(ends.shape[0]):
        ends[i] = 0
    for j in range(places.shape[0]):
        ends[places[j]] += 1
    for i in range(ends.shape[0]):
        count = ends[i]
        ends[i] = start
        start += count
    for j in range(places.shape[0]):
        order[ends[places[j]]] = j
        ends[places[j]] += 1


cdef inline void sum_piece(
    const real *x, const int64_t *order, const int64_t *ends, real *y, Py_ssize_t first,
    Py_ssize_t end, Py_ssize_t columns
) noexcept nogil:
    """The sums of the places first ... end - 1, COLUMNS at a time."""
    cdef double[COLUMNS] sums
    cdef double total
    cdef const real *row
    cdef Py_ssize_t i, k, j, n, column, start = 0 if first == 0 else ends[first - 1]
    for i in range(first, end):
        if columns == 1:
            total = 0
            for k in range(start, ends[i]):
                total += x[order[k]]
            y[i] = <real> total
        else:
            column = 0
            while column < columns:
                n = min(COLUMNS, columns - column)
                for j in range(n):
                    sums[j] = 0
                for k in range(start, ends[i]):
                    row = x + order[k] * columns + column
                    for j in range(n):
                        sums[j] += row[j]
                for j in range(n):
                    y[i * columns + column + j] = <real> sums[j]
                column += n
        start = ends[i]
