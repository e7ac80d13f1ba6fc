"""A register tile of the matrix product, and the copies that it reads from.

A tile of C, a few rows by up to WIDEST vectors, stays in the vector registers while a loop over the
depth adds one outer product after the other. In each step it loads a row of B and, for each of its
rows, a number of A, and multiplies and adds TILE_SUMS vectors: on Zen 3, 12 vectors of 8 floats in
6 cycles, for 3 + 4 loads. The rows of B come from a panel: B's columns of one tile, copied
together. A panel of fewer vectors has a tile of more rows, so that there are always about TILE_SUMS
sums: a multiply-add takes 4 cycles and two can start in each, so 8 are needed.

`floats` and `doubles` are vectors of GCC and Clang: one operator works on all lanes. If GCC 12 has
to find the vectors itself, it gives up on some of these shapes (9 GFLOP/s for 80).
"""

from libc.stdint cimport int32_t

from minidl._kernels.cpu cimport PANEL_BYTES, SIDE_BYTES, TILE_SUMS, VECTOR_BYTES, WIDEST
from minidl._kernels.scalar cimport real

cdef extern from *:
    """
    #include <stdint.h>
    #define DEPTH_BLOCK (PANEL_BYTES / (WIDEST * VECTOR_BYTES))
    #define LANES (VECTOR_BYTES / sizeof(float))
    #define TILE_ROWS (TILE_SUMS / WIDEST)
    typedef float floats __attribute__((vector_size(VECTOR_BYTES), aligned(4), may_alias));
    typedef double doubles __attribute__((vector_size(VECTOR_BYTES), aligned(8), may_alias));
    typedef int32_t bits __attribute__((vector_size(VECTOR_BYTES), aligned(4), may_alias));
    /* What the squares of a transpose consist of. */
    #define SIDE_NUMBERS (SIDE_BYTES / sizeof(float))
    typedef float side_floats __attribute__((vector_size(SIDE_BYTES), aligned(4), may_alias));
    typedef double side_doubles __attribute__((vector_size(SIDE_BYTES), aligned(8), may_alias));
    #if defined(__clang__) || __GNUC__ >= 12
    #define PICK(mask, a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
    #else
    typedef int32_t picks_4 __attribute__((vector_size(SIDE_BYTES)));
    typedef int64_t picks_2 __attribute__((vector_size(SIDE_BYTES)));
    #define PICK(mask, a, b, ...) __builtin_shuffle(a, b, (mask){__VA_ARGS__})
    #endif
    static inline void turn_floats(const float *b, Py_ssize_t b_row, side_floats *turned) {
        side_floats b0 = *(const side_floats *) b;
        side_floats b1 = *(const side_floats *) (b + b_row);
        side_floats b2 = *(const side_floats *) (b + 2 * b_row);
        side_floats b3 = *(const side_floats *) (b + 3 * b_row);
        side_floats low_01 = PICK(picks_4, b0, b1, 0, 4, 1, 5);
        side_floats low_23 = PICK(picks_4, b2, b3, 0, 4, 1, 5);
        side_floats high_01 = PICK(picks_4, b0, b1, 2, 6, 3, 7);
        side_floats high_23 = PICK(picks_4, b2, b3, 2, 6, 3, 7);
        turned[0] = PICK(picks_4, low_01, low_23, 0, 1, 4, 5);
        turned[1] = PICK(picks_4, low_01, low_23, 2, 3, 6, 7);
        turned[2] = PICK(picks_4, high_01, high_23, 0, 1, 4, 5);
        turned[3] = PICK(picks_4, high_01, high_23, 2, 3, 6, 7);
    }
    static inline void turn_doubles(const double *b, Py_ssize_t b_row, side_doubles *turned) {
        side_doubles b0 = *(const side_doubles *) b;
        side_doubles b1 = *(const side_doubles *) (b + b_row);
        turned[0] = PICK(picks_2, b0, b1, 0, 2);
        turned[1] = PICK(picks_2, b0, b1, 1, 3);
    }
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
    ctypedef int bits
    ctypedef float side_floats
    ctypedef double side_doubles
    void turn_floats(const float *b, Py_ssize_t b_row, side_floats *turned) noexcept nogil
    void turn_doubles(const double *b, Py_ssize_t b_row, side_doubles *turned) noexcept nogil
    ctypedef void out_of_line "OUT_OF_LINE void"
    ctypedef void in_line "IN_LINE void"
    enum:
        DEPTH_BLOCK  # the most steps of a panel
        SIDE_NUMBERS  # floats in a square's side
        LANES  # floats in a vector
        TILE_ROWS  # of the widest tile

ctypedef fused vector:
    floats
    doubles

ctypedef fused side:
    side_floats
    side_doubles


cdef struct Matrix:
    # The layout of a matrix: element (i, j) is i · row + j · column numbers after its start.
    Py_ssize_t row
    Py_ssize_t column


cdef inline Py_ssize_t pieces(Py_ssize_t whole, Py_ssize_t piece) noexcept nogil:
    return (whole + piece - 1) // piece


cdef inline Py_ssize_t lanes_of(size_t itemsize) noexcept nogil:
    return VECTOR_BYTES // itemsize


cdef inline in_line tile(
    Py_ssize_t rows, Py_ssize_t vectors, const real *a, Matrix a_at, const vector *panel,
    const real *start, Py_ssize_t start_row, real *c, Py_ssize_t c_row, Py_ssize_t depth, bint adds
) noexcept nogil:
    """C = start + A (rows x depth) · panel (depth x vectors), depth > 0; with `adds`, C += that.
    With start_row = 0 all rows have the same start. `vector` is the vector type of `real`. The
    compiler knows rows and vectors as constants, and unrolls their loops."""
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
                if adds:
                    (<vector *> (c + i * c_row))[j] += acc[i][j]
                else:
                    (<vector *> (c + i * c_row))[j] = acc[i][j]


cdef inline Py_ssize_t tile_rows(Py_ssize_t vectors, Py_ssize_t rows) noexcept nogil:
    """The rows of the next tile, if `rows` remain: a full tile, else 4, 2 or 1."""
    cdef Py_ssize_t most = TILE_SUMS // vectors
    return most if rows >= most else 4 if rows >= 4 else 2 if rows >= 2 else 1


cdef inline in_line tile_of_rows(
    Py_ssize_t rows, Py_ssize_t vectors, const real *a, Matrix a_at, const vector *panel,
    const real *start, Py_ssize_t start_row, real *c, Py_ssize_t c_row, Py_ssize_t depth, bint adds
) noexcept nogil:
    """Makes `rows` a constant, so that each number of them has code of its own."""
    if rows == TILE_SUMS // vectors:
        tile(TILE_SUMS // vectors, vectors, a, a_at, panel, start, start_row, c, c_row, depth, adds)
    elif rows == 4:
        tile(4, vectors, a, a_at, panel, start, start_row, c, c_row, depth, adds)
    elif rows == 2:
        tile(2, vectors, a, a_at, panel, start, start_row, c, c_row, depth, adds)
    else:
        tile(1, vectors, a, a_at, panel, start, start_row, c, c_row, depth, adds)


cdef inline out_of_line tile_of_1(
    Py_ssize_t rows, const real *a, Matrix a_at, const vector *panel,
    const real *start, Py_ssize_t start_row, real *c, Py_ssize_t c_row, Py_ssize_t depth, bint adds
) noexcept nogil:
    tile_of_rows(rows, 1, a, a_at, panel, start, start_row, c, c_row, depth, adds)


cdef inline out_of_line tile_of_2(
    Py_ssize_t rows, const real *a, Matrix a_at, const vector *panel,
    const real *start, Py_ssize_t start_row, real *c, Py_ssize_t c_row, Py_ssize_t depth, bint adds
) noexcept nogil:
    tile_of_rows(rows, 2, a, a_at, panel, start, start_row, c, c_row, depth, adds)


cdef inline out_of_line tile_of_3(
    Py_ssize_t rows, const real *a, Matrix a_at, const vector *panel,
    const real *start, Py_ssize_t start_row, real *c, Py_ssize_t c_row, Py_ssize_t depth, bint adds
) noexcept nogil:
    tile_of_rows(rows, 3, a, a_at, panel, start, start_row, c, c_row, depth, adds)


cdef inline void tile_of(
    Py_ssize_t rows, Py_ssize_t vectors, const real *a, Matrix a_at, const vector *panel,
    const real *start, Py_ssize_t start_row, real *c, Py_ssize_t c_row, Py_ssize_t depth, bint adds
) noexcept nogil:
    if vectors == 3:
        tile_of_3(rows, a, a_at, panel, start, start_row, c, c_row, depth, adds)
    elif vectors == 2:
        tile_of_2(rows, a, a_at, panel, start, start_row, c, c_row, depth, adds)
    else:
        tile_of_1(rows, a, a_at, panel, start, start_row, c, c_row, depth, adds)


cdef inline void strip(
    const real *a, Matrix a_at, Py_ssize_t a_group, const real *panel, Py_ssize_t vectors,
    const real *start, Py_ssize_t start_row, real *c, Py_ssize_t c_row,
    Py_ssize_t rows, Py_ssize_t columns, Py_ssize_t depth, bint adds
) noexcept nogil:
    """C (rows x at most one panel) = start + A · panel, or C += that, tile by tile. A lies in
    groups of TILE_SUMS rows, a_group numbers apart. Where C is narrower than the panel, a tile's
    results go to `wide`, and from there C's columns to C."""
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
                depth, adds and columns >= width)
        else:
            tile_of[double, doubles](
                count, vectors, a_tile, a_at, <const doubles *> panel, begin, from_row, to, to_row,
                depth, adds and columns >= width)
        if columns < width:
            for i in range(count):
                for j in range(columns):
                    if adds:
                        c[(row + i) * c_row + j] += wide[i * width + j]
                    else:
                        c[(row + i) * c_row + j] = wide[i * width + j]
        row += count


cdef inline void copy_vectors(
    const bits *b, Py_ssize_t b_row_bytes, Py_ssize_t depth, Py_ssize_t vectors, const bits *mask,
    bits *panel
) noexcept nogil:
    cdef Py_ssize_t p, j
    for p in range(depth):
        for j in range(vectors):
            panel[p * vectors + j] = b[j] & mask[j]
        b = <const bits *> (<const char *> b + b_row_bytes)


cdef inline void pack(
    const real *b, Py_ssize_t b_row, Py_ssize_t depth, Py_ssize_t columns, Py_ssize_t vectors,
    real *panel
) noexcept nogil:
    """Copies some columns of B to a panel, filled up to whole vectors with zeros. (Each row of a
    wide B lies on another page: with the copy, 74 GFLOP/s at 128 x 784 x 512 on Zen 3; without,
    46.) Whole vectors are read of a narrow B too: they reach into the next rows, as long as there
    are any, and a mask clears what is not of the columns."""
    cdef int32_t mask[WIDEST * LANES]
    cdef Py_ssize_t p, j, width = vectors * lanes_of(sizeof(real))
    cdef Py_ssize_t whole = depth - pieces(width - columns, b_row)
    for j in range(vectors * LANES):
        mask[j] = -1 if j * sizeof(int32_t) < columns * sizeof(real) else 0
    copy_vectors(<const bits *> b, b_row * sizeof(real), whole, vectors, <const bits *> mask,
                 <bits *> panel)
    for p in range(max(<Py_ssize_t> 0, whole), depth):
        for j in range(width):
            panel[p * width + j] = b[p * b_row + j] if j < columns else 0


cdef inline Py_ssize_t side_of(size_t itemsize) noexcept nogil:
    return SIDE_BYTES // itemsize


cdef inline in_line turn(const real *b, Py_ssize_t b_row, side *turned) noexcept nogil:
    """turned = Bᵀ for a square of B whose side fills SIDE_BYTES. `side` is such a vector of
    `real`."""
    if real is float and side is side_floats:
        turn_floats(b, b_row, turned)
    elif real is double and side is side_doubles:
        turn_doubles(b, b_row, turned)


cdef inline void turn_squares(
    const real *b, Py_ssize_t b_row, Py_ssize_t down, Py_ssize_t across, side *panel,
    Py_ssize_t sides
) noexcept nogil:
    """Bᵀ, `down` x `across` squares, to a panel that is so many sides wide."""
    cdef side turned[SIDE_NUMBERS]
    cdef Py_ssize_t n = side_of(sizeof(real)), p, j, k
    for p in range(down):
        for j in range(across):
            turn(b + j * n * b_row + p * n, b_row, turned)
            for k in range(n):
                panel[(p * n + k) * sides + j] = turned[k]


cdef inline void pack_transposed(
    const real *b, Py_ssize_t b_row, Py_ssize_t depth, Py_ssize_t columns, Py_ssize_t vectors,
    real *panel
) noexcept nogil:
    """As pack, for the transpose of B: in squares that are transposed in registers, and the rest
    number by number. (785 x 300: 25 µs on Zen 3; 42 with four rows woven together in memory.)"""
    cdef Py_ssize_t width = vectors * lanes_of(sizeof(real)), n = side_of(sizeof(real)), p, j
    cdef Py_ssize_t turned_depth = depth // n * n, turned_columns = columns // n * n
    if real is float:
        turn_squares(b, b_row, depth // n, columns // n, <side_floats *> panel, width // n)
    else:
        turn_squares(b, b_row, depth // n, columns // n, <side_doubles *> panel, width // n)
    for p in range(turned_depth, depth):
        for j in range(turned_columns):
            panel[p * width + j] = b[j * b_row + p]
    for p in range(depth):
        for j in range(turned_columns, width):
            panel[p * width + j] = b[j * b_row + p] if j < columns else 0
