"""The gradient of indexing: numbers that came from the same place are added up there.

A counting sort comes first, so that each place knows all numbers that came from it. Then every sum
belongs to one thread, in the order of the index and in double precision, and its bits depend
neither on the number of threads nor on the other places.
"""

from cython.parallel cimport prange
from libc.stdint cimport int64_t
from libc.string cimport memcpy

from minidl._kernels.instruction cimport Run, Turn, at, instruction
from minidl._kernels.ndarray cimport address
from minidl._kernels.scalar cimport real
from minidl._kernels.team cimport share

INSTRUCTIONS = {}

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
    sort(&places[0], places.shape[0], &order[0], &ends[0], rows)
    for job in prange(y.shape[0] * pieces, nogil=True, num_threads=threads, schedule="static"):
        n = job // pieces
        first = job % pieces * PIECE
        sum_piece(&x[n, 0, 0], columns, &order[0], &ends[0], &y[n, 0, 0], first,
                  min(rows, first + PIECE), columns)


cdef void sort(
    const int64_t *places, Py_ssize_t n, int64_t *order, int64_t *ends, Py_ssize_t rows
) noexcept nogil:
    """order = all j sorted by their places, stable; ends[i]: where the entries of place i end."""
    cdef Py_ssize_t i, j
    cdef int64_t start = 0, count
    for i in range(rows):
        ends[i] = 0
    for j in range(n):
        ends[places[j]] += 1
    for i in range(rows):
        count = ends[i]
        ends[i] = start
        start += count
    for j in range(n):
        order[ends[places[j]]] = j
        ends[places[j]] += 1


cdef void sum_piece(
    const real *x, Py_ssize_t stride, const int64_t *order, const int64_t *ends, real *y,
    Py_ssize_t first, Py_ssize_t end, Py_ssize_t columns
) noexcept nogil:
    """The sums of the places first ... end - 1, COLUMNS at a time. x has a row each `stride`."""
    cdef double[COLUMNS] sums
    cdef double total
    cdef const real *row
    cdef Py_ssize_t i, k, j, n, column, start = 0 if first == 0 else ends[first - 1]
    for i in range(first, end):
        if columns == 1:
            total = 0
            for k in range(start, ends[i]):
                total += x[order[k] * stride]
            y[i] = <real> total
        else:
            column = 0
            while column < columns:
                n = min(COLUMNS, columns - column)
                for j in range(n):
                    sums[j] = 0
                for k in range(start, ends[i]):
                    row = x + order[k] * stride + column
                    for j in range(n):
                        sums[j] += row[j]
                for j in range(n):
                    y[i * columns + column + j] = <real> sums[j]
                column += n
        start = ends[i]


# ---- In a step: rows looked up by their numbers, which are among the net's inputs ----------------

cdef struct Whole:
    # A column of x, which holds whole numbers, becomes integers.
    Py_ssize_t x
    Py_ssize_t x_width
    Py_ssize_t x_first
    int64_t *numbers


cdef int read_whole(void *it, dict given, size_t itemsize, list kept) except -1:
    cdef Whole *whole = <Whole *> it
    whole.x, whole.x_width, whole.x_first = given["x"], given["x_width"], given["x_first"]
    whole.numbers = <int64_t *> address(given["numbers"], kept, True)
    return 0


cdef void to_integers(const Whole *it, const Turn *turn, real *scratch) noexcept nogil:
    """This thread's rows."""
    cdef const real *x = <const real *> at(turn, it.x) + it.x_first
    cdef Py_ssize_t i
    for i in range(turn.first, turn.end):
        it.numbers[i] = <int64_t> x[i * it.x_width]


INSTRUCTIONS["to integers"] = instruction(
    sizeof(Whole), read_whole, <Run> to_integers[float], <Run> to_integers[double],
    reads={"x": "rows"}, writes={"numbers": "rows"})


cdef struct Embedding:
    # y = the rows of W with these numbers; slots, and the parameter, by number.
    Py_ssize_t x  # the slot of the numbers, if they are integers there
    const int64_t *numbers  # else where they are; or NULL
    Py_ssize_t y
    Py_ssize_t dy
    Py_ssize_t y_first  # where the first row of W stands in y
    Py_ssize_t stride  # from there to the next
    Py_ssize_t W
    Py_ssize_t rows  # of W
    Py_ssize_t columns
    Py_ssize_t fields  # numbers for a row of the batch
    int64_t *order  # of a batch's numbers, sorted
    int64_t *ends  # where the numbers of each row of W end in it


cdef int read_embedding(void *it, dict given, size_t itemsize, list kept) except -1:
    cdef Embedding *table = <Embedding *> it
    table.x, table.y, table.dy, table.W = given["x"], given["y"], given["dy"], given["W"]
    table.y_first, table.stride = given["y_first"], given["stride"]
    table.rows, table.columns, table.fields = given["rows"], given["columns"], given["fields"]
    table.numbers = <int64_t *> address(given["numbers"], kept)
    table.order = <int64_t *> address(given["order"], kept, True)
    table.ends = <int64_t *> address(given["ends"], kept, True)
    return 0


cdef inline const int64_t *numbers_of(const Embedding *it, const Turn *turn) noexcept nogil:
    """The batch's numbers of rows of W."""
    return <const int64_t *> at(turn, it.x) if it.numbers == NULL else it.numbers


cdef void look_up(const Embedding *it, const Turn *turn, real *scratch) noexcept nogil:
    """y of this thread's rows."""
    cdef const int64_t *numbers = numbers_of(it, turn)
    cdef const real *W = <const real *> turn.parameters[it.W].w
    cdef real *y = <real *> at(turn, it.y) + it.y_first
    cdef Py_ssize_t j
    for j in range(turn.first * it.fields, turn.end * it.fields):
        memcpy(y + j * it.stride, W + numbers[j] * it.columns, it.columns * sizeof(real))


cdef void sort_numbers(const Embedding *it, const Turn *turn, real *scratch) noexcept nogil:
    """Sorts the batch's numbers by rows of W; done by the last thread."""
    if turn.thread == turn.threads - 1:
        sort(numbers_of(it, turn), turn.n * it.fields, it.order, it.ends, it.rows)


cdef void gradient_of_rows(const Embedding *it, const Turn *turn, real *scratch) noexcept nogil:
    """This thread's rows of dW."""
    sum_piece(<const real *> at(turn, it.dy) + it.y_first, it.stride, it.order, it.ends,
              <real *> turn.parameters[it.W].gradient, share(it.rows, turn.thread, turn.threads),
              share(it.rows, turn.thread + 1, turn.threads), it.columns)


INSTRUCTIONS["look up"] = instruction(
    sizeof(Embedding), read_embedding, <Run> look_up[float], <Run> look_up[double],
    reads={"x": "rows", "numbers": "rows", "W": "all"}, writes={"y": "rows"})
INSTRUCTIONS["sort numbers"] = instruction(
    sizeof(Embedding), read_embedding, <Run> sort_numbers[float], <Run> sort_numbers[double],
    reads={"x": "all", "numbers": "all"}, writes={"order": "all", "ends": "all"})
INSTRUCTIONS["gradient of rows"] = instruction(
    sizeof(Embedding), read_embedding, <Run> gradient_of_rows[float],
    <Run> gradient_of_rows[double],
    reads={"dy": "all", "order": "all", "ends": "all"}, writes={"W.gradient": "all"})
