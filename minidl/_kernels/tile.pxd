"""A register tile of the matrix product, and the copies that it reads from.

A tile of C, a few rows by up to WIDEST vectors, stays in the vector registers while a loop over
the depth adds one outer product after the other: per step it loads a row of B and a number of A
for each of its rows, and multiplies and adds TILE_SUMS vectors. On Zen 3 these are 12 vectors of 8
floats in 6 cycles, for 3 + 4 loads. The rows of B come from a panel: B's columns of one tile,
copied together. A panel of fewer vectors has a tile of more rows, so there are always about
TILE_SUMS sums under way, which a multiply-add that takes 4 cycles needs to start two in each.

`floats` and `doubles` are vectors as GCC and Clang know them: one operator works on all lanes.
Left to find the vectors by itself, GCC 12 gives up on some of these shapes (9 GFLOP/s for 80).
"""

from minidl._kernels.scalar cimport real

cdef extern from *:
    """
    #include <stdint.h>
    #define WIDEST 3
    #define PANEL_BYTES 25600
    #define DEPTH_BLOCK (PANEL_BYTES / (WIDEST * VECTOR_BYTES))
    #define LINE_BYTES 64
    #define LANES (VECTOR_BYTES / sizeof(float))
    #define PANEL_MEMORY ((PANEL_BYTES + LINE_BYTES) / sizeof(float))
    typedef float floats __attribute__((vector_size(VECTOR_BYTES), aligned(4), may_alias));
    typedef double doubles __attribute__((vector_size(VECTOR_BYTES), aligned(8), may_alias));
    /* Inlined into the loops that call it, the tile shares the registers with them, and some of
       its accumulators go to memory: half the speed. GCC would warn that Cython says `inline`. */
    #if defined(__GNUC__)
    #pragma GCC diagnostic ignored "-Wattributes"
    #endif
    #define OUT_OF_LINE __attribute__((noinline))
    #define IN_LINE __attribute__((always_inline))
    /* Says so to the compiler: with no loop to skip, the accumulators never go to memory. */
    #define ASSUME(fact) ((fact) ? (void) 0 : __builtin_unreachable())
    """
    void ASSUME(bint fact) noexcept nogil
    ctypedef float floats
    ctypedef double doubles
    ctypedef void out_of_line "OUT_OF_LINE void"
    ctypedef void in_line "IN_LINE void"
    enum:
        VECTOR_BYTES  # from setup.py, by CPU level
        TILE_SUMS  # from there too: vectors that are summed up at a time
        WIDEST  # vectors of a panel, at most
        PANEL_BYTES  # of a panel, at most: three quarters of the first-level cache
        DEPTH_BLOCK  # the depth of a panel of that size
        LINE_BYTES  # of the cache
        LANES  # floats in a vector
        PANEL_MEMORY  # numbers that hold a panel from a cache line's start on

ctypedef fused vector:
    floats
    doubles


cdef struct Matrix:
    # Where a matrix lies: element (i, j) is i · row + j · column numbers after its start.
    Py_ssize_t row
    Py_ssize_t column


cdef inline Py_ssize_t pieces(Py_ssize_t whole, Py_ssize_t piece) noexcept nogil:
    return (whole + piece - 1) // piece


cdef inline Py_ssize_t lanes_of(size_t itemsize) noexcept nogil:
    return VECTOR_BYTES // itemsize


cdef inline real *on_a_line(real *memory) noexcept nogil:
    """The next address where a cache line starts: a vector that lies across two costs double."""
    return <real *> ((<size_t> memory + LINE_BYTES - 1) // LINE_BYTES * LINE_BYTES)


cdef inline in_line tile(
    Py_ssize_t rows, Py_ssize_t vectors, const real *a, Matrix a_at, const vector *panel,
    const real *start, Py_ssize_t start_row, real *c, Py_ssize_t c_row, Py_ssize_t depth
) noexcept nogil:
    """C = start + A (rows x depth) · panel (depth x vectors), depth > 0. start_row is 0 if all
    rows start alike. `vector` is that of `real`; the compiler knows rows and vectors, and
    unrolls."""
    cdef vector acc[TILE_SUMS][WIDEST]
    cdef Py_ssize_t i, j, p
    ASSUME(depth > 0)
    if (real is float and vector is floats) or (real is double and vector is doubles):
        for i in range(rows):
            for j in range(vectors):
                acc[i][j] = (<const vector *> (start + i * start_row))[j]
        for p in range(depth):
            for i in range(rows):
                for j in range(vectors):
                    acc[i][j] += a[i * a_at.row + p * a_at.column] * panel[p * vectors + j]
        for i in range(rows):
            for j in range(vectors):
                (<vector *> (c + i * c_row))[j] = acc[i][j]


cdef inline Py_ssize_t tile_rows(Py_ssize_t vectors, Py_ssize_t rows) noexcept nogil:
    """The rows of the next tile, where so many remain: a full tile, else 4, 2 or 1."""
    cdef Py_ssize_t most = TILE_SUMS // vectors
    return most if rows >= most else 4 if rows >= 4 else 2 if rows >= 2 else 1


cdef inline in_line tile_of_rows(
    Py_ssize_t rows, Py_ssize_t vectors, const real *a, Matrix a_at, const vector *panel,
    const real *start, Py_ssize_t start_row, real *c, Py_ssize_t c_row, Py_ssize_t depth
) noexcept nogil:
    """Makes `rows` a constant, so that each number of them has code of its own."""
    if rows == TILE_SUMS // vectors:
        tile(TILE_SUMS // vectors, vectors, a, a_at, panel, start, start_row, c, c_row, depth)
    elif rows == 4:
        tile(4, vectors, a, a_at, panel, start, start_row, c, c_row, depth)
    elif rows == 2:
        tile(2, vectors, a, a_at, panel, start, start_row, c, c_row, depth)
    else:
        tile(1, vectors, a, a_at, panel, start, start_row, c, c_row, depth)


cdef inline out_of_line tile_of_1(
    Py_ssize_t rows, const real *a, Matrix a_at, const vector *panel,
    const real *start, Py_ssize_t start_row, real *c, Py_ssize_t c_row, Py_ssize_t depth
) noexcept nogil:
    tile_of_rows(rows, 1, a, a_at, panel, start, start_row, c, c_row, depth)


cdef inline out_of_line tile_of_2(
    Py_ssize_t rows, const real *a, Matrix a_at, const vector *panel,
    const real *start, Py_ssize_t start_row, real *c, Py_ssize_t c_row, Py_ssize_t depth
) noexcept nogil:
    tile_of_rows(rows, 2, a, a_at, panel, start, start_row, c, c_row, depth)


cdef inline out_of_line tile_of_3(
    Py_ssize_t rows, const real *a, Matrix a_at, const vector *panel,
    const real *start, Py_ssize_t start_row, real *c, Py_ssize_t c_row, Py_ssize_t depth
) noexcept nogil:
    tile_of_rows(rows, 3, a, a_at, panel, start, start_row, c, c_row, depth)


cdef inline void tile_of(
    Py_ssize_t rows, Py_ssize_t vectors, const real *a, Matrix a_at, const vector *panel,
    const real *start, Py_ssize_t start_row, real *c, Py_ssize_t c_row, Py_ssize_t depth
) noexcept nogil:
    if vectors == 3:
        tile_of_3(rows, a, a_at, panel, start, start_row, c, c_row, depth)
    elif vectors == 2:
        tile_of_2(rows, a, a_at, panel, start, start_row, c, c_row, depth)
    else:
        tile_of_1(rows, a, a_at, panel, start, start_row, c, c_row, depth)


cdef inline void strip(
    const real *a, Matrix a_at, Py_ssize_t a_group, const real *panel, Py_ssize_t vectors,
    const real *start, Py_ssize_t start_row, real *c, Py_ssize_t c_row,
    Py_ssize_t rows, Py_ssize_t columns, Py_ssize_t depth
) noexcept nogil:
    """C (rows x at most one panel) = start + A · panel, tile by tile. A lies in groups of
    TILE_SUMS rows, a_group numbers apart. If C is narrower than the panel, the tile writes to
    `wide`, and what belongs to C is copied."""
    cdef real wide[TILE_SUMS * LANES]
    cdef Py_ssize_t width = vectors * lanes_of(sizeof(real)), row = 0, count, i, j
    cdef Py_ssize_t from_row, to_row
    cdef const real *a_tile
    cdef const real *begin
    cdef real *to
    while row < rows:
        count = tile_rows(vectors, rows - row)
        a_tile = a + row // TILE_SUMS * a_group + row % TILE_SUMS * a_at.row
        begin, from_row = start + row * start_row, start_row
        to, to_row = c + row * c_row, c_row
        if columns < width:
            if start_row != 0:
                for i in range(count):
                    for j in range(width):
                        wide[i * width + j] = begin[i * start_row + j] if j < columns else 0
                begin, from_row = wide, width
            to, to_row = wide, width
        if real is float:
            tile_of[float, floats](
                count, vectors, a_tile, a_at, <const floats *> panel, begin, from_row, to, to_row,
                depth)
        else:
            tile_of[double, doubles](
                count, vectors, a_tile, a_at, <const doubles *> panel, begin, from_row, to, to_row,
                depth)
        if columns < width:
            for i in range(count):
                for j in range(columns):
                    c[(row + i) * c_row + j] = wide[i * width + j]
        row += count


cdef inline void copy_vectors(
    const vector *b, Py_ssize_t b_row_bytes, Py_ssize_t depth, Py_ssize_t vectors, vector *panel
) noexcept nogil:
    cdef Py_ssize_t p, j
    for p in range(depth):
        for j in range(vectors):
            panel[p * vectors + j] = b[j]
        b = <const vector *> (<const char *> b + b_row_bytes)


cdef inline void pack(
    const real *b, Py_ssize_t b_row, Py_ssize_t depth, Py_ssize_t columns, Py_ssize_t vectors,
    real *panel
) noexcept nogil:
    """Rows that lie apart in memory, each on a page of its own where the matrix is wide, put
    together; up to full vectors with zeros. (46 to 74 GFLOP/s at 128 x 784 x 512 on Zen 3.)"""
    cdef Py_ssize_t p, j, width = vectors * lanes_of(sizeof(real))
    cdef Py_ssize_t row_bytes = b_row * sizeof(real)
    if columns < width:
        for p in range(depth):
            for j in range(width):
                panel[p * width + j] = b[p * b_row + j] if j < columns else 0
    elif real is float:
        copy_vectors[floats](<const floats *> b, row_bytes, depth, vectors, <floats *> panel)
    else:
        copy_vectors[doubles](<const doubles *> b, row_bytes, depth, vectors, <doubles *> panel)


cdef inline void pack_transposed(
    const real *b, Py_ssize_t b_row, Py_ssize_t depth, Py_ssize_t columns, Py_ssize_t vectors,
    real *panel
) noexcept nogil:
    """As pack, for the transpose: four rows are woven into one, which is cut into pieces of four.
    Both loops vectorise, and it takes half the time that copying number by number does."""
    cdef real woven[4 * DEPTH_BLOCK]
    cdef Py_ssize_t width = vectors * lanes_of(sizeof(real)), p, i, j = 0
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
