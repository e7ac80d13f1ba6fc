"""A register tile of the matrix product, and the copies that it reads from.

A tile of C, TILE_ROWS x TILE_FLOATS floats (half as many doubles), stays in the vector registers
while a loop over the depth adds one outer product after the other: per step it loads one row of B
and TILE_ROWS numbers of A for TILE_ROWS · TILE_FLOATS multiply-adds. The plain loops below are
enough for that: all bounds are constants, so the compiler unrolls them and keeps `acc` in
registers. The rows of B come from a panel: B's columns of one tile, copied together.
"""

from minidl._kernels.scalar cimport real

cdef extern from *:
    """
    #define DEPTH_BLOCK 256
    /* Inlined into the loops that call it, the tile shares the registers with them, and some of
       its accumulators go to memory: half the speed. GCC would warn that Cython says `inline`. */
    #if defined(__GNUC__)
    #pragma GCC diagnostic ignored "-Wattributes"
    #define OUT_OF_LINE __attribute__((noinline))
    #else
    #define OUT_OF_LINE
    #endif
    """
    ctypedef void out_of_line "OUT_OF_LINE void"
    enum:
        TILE_ROWS  # both from setup.py, by CPU level
        TILE_FLOATS
        DEPTH_BLOCK  # a panel this deep is half of the first-level cache


cdef struct Matrix:
    # Where a matrix lies: element (i, j) is i · row + j · column numbers after its start.
    Py_ssize_t row
    Py_ssize_t column


cdef inline Py_ssize_t pieces(Py_ssize_t whole, Py_ssize_t piece) noexcept nogil:
    return (whole + piece - 1) // piece


cdef inline void tile(
    Py_ssize_t rows, const real *a, Matrix a_at, const real *panel,
    const real *start, Py_ssize_t start_row, real *c, Py_ssize_t c_row, Py_ssize_t depth
) noexcept nogil:
    """C = start + A (rows x depth) · panel. start_row is 0 if the rows start alike."""
    cdef real acc[TILE_ROWS][TILE_FLOATS]
    cdef Py_ssize_t width = TILE_FLOATS * sizeof(float) // sizeof(real)
    cdef Py_ssize_t i, j, p
    cdef real a_ip
    for i in range(rows):
        for j in range(width):
            acc[i][j] = start[i * start_row + j]
    for p in range(depth):
        for i in range(rows):
            a_ip = a[i * a_at.row + p * a_at.column]
            for j in range(width):
                acc[i][j] += a_ip * panel[p * width + j]
    for i in range(rows):
        for j in range(width):
            c[i * c_row + j] = acc[i][j]


cdef inline out_of_line tile_of(
    Py_ssize_t rows, const real *a, Matrix a_at, const real *panel,
    const real *start, Py_ssize_t start_row, real *c, Py_ssize_t c_row, Py_ssize_t depth
) noexcept nogil:
    """Names `rows` as a constant, so that the compiler makes a copy of `tile` for each."""
    if rows >= TILE_ROWS:
        tile(TILE_ROWS, a, a_at, panel, start, start_row, c, c_row, depth)
    elif rows >= 4:
        tile(4, a, a_at, panel, start, start_row, c, c_row, depth)
    elif rows >= 2:
        tile(2, a, a_at, panel, start, start_row, c, c_row, depth)
    else:
        tile(1, a, a_at, panel, start, start_row, c, c_row, depth)


cdef inline void strip(
    const real *a, Matrix a_at, Py_ssize_t a_step, const real *panel,
    const real *start, Py_ssize_t start_row, real *c, Py_ssize_t c_row,
    Py_ssize_t rows, Py_ssize_t columns, Py_ssize_t depth
) noexcept nogil:
    """C (rows x at most one tile) = start + A · panel; a_step leads from tile to tile in A.

    Full tiles first, then what remains by 4, 2 and 1. If C is narrower than a tile, the tile
    writes to `wide`, and what belongs to C is copied.
    """
    cdef real wide[TILE_ROWS * TILE_FLOATS]
    cdef Py_ssize_t width = TILE_FLOATS * sizeof(float) // sizeof(real), count, i, j
    while rows > 0:
        count = TILE_ROWS if rows >= TILE_ROWS else 4 if rows >= 4 else 2 if rows >= 2 else 1
        if columns == width:
            tile_of(count, a, a_at, panel, start, start_row, c, c_row, depth)
        elif start_row == 0:
            tile_of(count, a, a_at, panel, start, 0, wide, width, depth)
        else:
            for i in range(count):
                for j in range(width):
                    wide[i * width + j] = start[i * start_row + j] if j < columns else 0
            tile_of(count, a, a_at, panel, wide, width, wide, width, depth)
        if columns < width:
            for i in range(count):
                for j in range(columns):
                    c[i * c_row + j] = wide[i * width + j]
        a += a_step if count == TILE_ROWS else count * a_at.row
        start += count * start_row
        c += count * c_row
        rows -= count


cdef inline void pack(
    const real *b, Py_ssize_t b_row, Py_ssize_t depth, Py_ssize_t columns, Py_ssize_t width,
    real *panel
) noexcept nogil:
    """Rows that lie apart in memory, each on a page of its own where the matrix is wide, put
    together; up to `width` columns with zeros. (46 to 74 GFLOP/s at 128 x 784 x 512 on Zen 3.)"""
    cdef Py_ssize_t p, j
    if columns == width:
        for p in range(depth):
            for j in range(width):
                panel[p * width + j] = b[p * b_row + j]
    else:
        for p in range(depth):
            for j in range(width):
                panel[p * width + j] = b[p * b_row + j] if j < columns else 0


cdef inline void pack_transposed(
    const real *b, Py_ssize_t b_row, Py_ssize_t depth, Py_ssize_t columns, real *panel
) noexcept nogil:
    """As pack, for the transpose: four rows are woven into one, which is cut into pieces of four.
    Both loops vectorise, and it takes half the time that copying number by number does."""
    cdef real woven[4 * DEPTH_BLOCK]
    cdef Py_ssize_t width = TILE_FLOATS * sizeof(float) // sizeof(real), p, i, j = 0
    cdef const real *b1
    cdef const real *b2
    cdef const real *b3
    while j + 4 <= columns:
        b1 = b + b_row
        b2 = b + 2 * b_row
        b3 = b + 3 * b_row
        for p in range(depth):
            woven[4 * p] = b[p]
            woven[4 * p + 1] = b1[p]
            woven[4 * p + 2] = b2[p]
            woven[4 * p + 3] = b3[p]
        for p in range(depth):
            for i in range(4):
                panel[p * width + j + i] = woven[4 * p + i]
        b += 4 * b_row
        j += 4
    while j < width:
        for p in range(depth):
            panel[p * width + j] = b[p] if j < columns else 0
        b += b_row
        j += 1
