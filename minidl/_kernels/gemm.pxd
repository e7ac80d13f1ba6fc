"""The matrix product C += A·B, on a register tile.

A tile of C, TILE_ROWS x TILE_FLOATS floats (half as many doubles), stays in the vector registers
while a loop over the depth adds one outer product after the other: per step it loads one row of B
and TILE_ROWS numbers of A for TILE_ROWS · TILE_FLOATS multiply-adds. The plain loops below are
enough for that: all bounds are constants, so the compiler unrolls them and `acc` never reaches
memory.

Every element of C is one sum in the order of the depth, whatever the tile it falls in and whoever
computes it, so the bits depend neither on the number of threads nor on the other rows.
"""

from minidl._kernels.scalar cimport real

cdef extern from *:
    """
    #define DEPTH_BLOCK 256
    #define ROW_BLOCK 48
    #define FEW_ROWS 16
    """
    enum:
        TILE_ROWS  # both from setup.py, by CPU level
        TILE_FLOATS
        DEPTH_BLOCK  # a panel of B this deep stays in the first-level cache
        ROW_BLOCK
        FEW_ROWS


cdef struct Matrix:
    # Where a matrix lies: element (i, j) is i · row + j · column numbers after its start.
    Py_ssize_t row
    Py_ssize_t column


cdef inline void tile(
    Py_ssize_t rows, const real *a, Matrix a_at, const real *b, Py_ssize_t b_row,
    real *c, Py_ssize_t c_row, Py_ssize_t depth
) noexcept nogil:
    """C (rows x one tile) += A (rows x depth) · B (depth x one tile).

    Each call below names `rows` as a constant, and the compiler makes a copy for each.
    """
    cdef real acc[TILE_ROWS][TILE_FLOATS]
    cdef Py_ssize_t columns = TILE_FLOATS * sizeof(float) // sizeof(real)
    cdef Py_ssize_t i, j, p
    cdef real a_ip
    for i in range(rows):
        for j in range(columns):
            acc[i][j] = c[i * c_row + j]
    for p in range(depth):
        for i in range(rows):
            a_ip = a[i * a_at.row + p * a_at.column]
            for j in range(columns):
                acc[i][j] += a_ip * b[p * b_row + j]
    for i in range(rows):
        for j in range(columns):
            c[i * c_row + j] = acc[i][j]


cdef inline void strip(
    const real *a, Matrix a_at, const real *b, Py_ssize_t b_row,
    real *c, Py_ssize_t c_row, Py_ssize_t rows, Py_ssize_t depth
) noexcept nogil:
    """C (any rows x one tile) += A · B: full tiles first, then what remains by 4, 2 and 1."""
    cdef Py_ssize_t i = 0
    while rows - i >= TILE_ROWS:
        tile(TILE_ROWS, a + i * a_at.row, a_at, b, b_row, c + i * c_row, c_row, depth)
        i += TILE_ROWS
    while rows - i >= 4:
        tile(4, a + i * a_at.row, a_at, b, b_row, c + i * c_row, c_row, depth)
        i += 4
    if rows - i >= 2:
        tile(2, a + i * a_at.row, a_at, b, b_row, c + i * c_row, c_row, depth)
        i += 2
    if rows - i >= 1:
        tile(1, a + i * a_at.row, a_at, b, b_row, c + i * c_row, c_row, depth)


cdef inline void pack(
    const real *b, Matrix b_at, Py_ssize_t depth, Py_ssize_t columns, real *panel
) noexcept nogil:
    """Copies depth x columns of B into rows of one tile's width, filled up with zeros."""
    cdef Py_ssize_t width = TILE_FLOATS * sizeof(float) // sizeof(real)
    cdef Py_ssize_t p, j
    if b_at.column == 1 and columns == width:
        for p in range(depth):
            for j in range(width):
                panel[p * width + j] = b[p * b_at.row + j]
        return
    for j in range(columns):
        for p in range(depth):
            panel[p * width + j] = b[p * b_at.row + j * b_at.column]
    for j in range(columns, width):
        for p in range(depth):
            panel[p * width + j] = 0


cdef inline void narrow_strip(
    const real *a, Matrix a_at, const real *panel, real *c, Py_ssize_t c_row,
    Py_ssize_t rows, Py_ssize_t columns, Py_ssize_t depth
) noexcept nogil:
    """As strip, for fewer columns than a tile has: by way of a copy of C of a tile's width."""
    cdef real wide[ROW_BLOCK * TILE_FLOATS]
    cdef Py_ssize_t width = TILE_FLOATS * sizeof(float) // sizeof(real)
    cdef Py_ssize_t start = 0, i, j, count
    while start < rows:
        count = min(<Py_ssize_t> ROW_BLOCK, rows - start)
        for i in range(count):
            for j in range(width):
                wide[i * width + j] = c[(start + i) * c_row + j] if j < columns else 0
        strip(a + start * a_at.row, a_at, panel, width, wide, width, count, depth)
        for i in range(count):
            for j in range(columns):
                c[(start + i) * c_row + j] = wide[i * width + j]
        start += count


cdef inline void block(
    const real *a, Matrix a_at, const real *b, Matrix b_at, real *c, Py_ssize_t c_row,
    Py_ssize_t rows, Py_ssize_t columns, Py_ssize_t depth
) noexcept nogil:
    """C (rows x at most one tile) += A · B, with a packed copy of B: its rows lie apart in
    memory, each on a page of its own where B is wide, and packed they are read a third faster
    (46 to 74 GFLOP/s at 128 x 784 x 512 on one Zen 3 core). Few rows do not repay the copy."""
    cdef real panel[DEPTH_BLOCK * TILE_FLOATS]
    cdef Py_ssize_t width = TILE_FLOATS * sizeof(float) // sizeof(real)
    cdef Py_ssize_t start = 0, count
    while start < depth:
        count = min(<Py_ssize_t> DEPTH_BLOCK, depth - start)
        if rows < FEW_ROWS and columns == width and b_at.column == 1:
            strip(a + start * a_at.column, a_at, b + start * b_at.row, b_at.row,
                  c, c_row, rows, count)
        else:
            pack(b + start * b_at.row, b_at, count, columns, panel)
            if columns == width:
                strip(a + start * a_at.column, a_at, panel, width, c, c_row, rows, count)
            else:
                narrow_strip(a + start * a_at.column, a_at, panel, c, c_row, rows, columns, count)
        start += count


cdef struct Plan:
    # C is cut into tasks of `rows` x `columns`; a task is the unit that threads share out.
    Py_ssize_t rows
    Py_ssize_t columns
    Py_ssize_t down
    Py_ssize_t tasks


cdef inline Plan plan(
    Py_ssize_t rows, Py_ssize_t columns, bint b_transposed, size_t itemsize
) noexcept nogil:
    """One panel of B a task, and of C about ROW_BLOCK rows: all of them if B is packed, so that
    it is packed once."""
    cdef Plan cut
    cdef Py_ssize_t blocks = 1 if b_transposed else max(1, (rows + ROW_BLOCK - 1) // ROW_BLOCK)
    cut.columns = TILE_FLOATS * sizeof(float) // itemsize
    cut.rows = (rows + blocks - 1) // blocks
    cut.rows = (cut.rows + TILE_ROWS - 1) // TILE_ROWS * TILE_ROWS
    cut.down = (rows + cut.rows - 1) // cut.rows if rows > 0 else 0
    cut.tasks = cut.down * ((columns + cut.columns - 1) // cut.columns)
    return cut


cdef inline void run_task(
    Plan cut, Py_ssize_t task, const real *a, Matrix a_at, const real *b, Matrix b_at,
    const real *start, real *c, Py_ssize_t rows, Py_ssize_t columns, Py_ssize_t depth
) noexcept nogil:
    """One task of C = start + A · B, where `start` is a row (the bias) or NULL for zeros."""
    cdef Py_ssize_t top = task % cut.down * cut.rows
    cdef Py_ssize_t left = task // cut.down * cut.columns
    cdef Py_ssize_t height = min(cut.rows, rows - top), width = min(cut.columns, columns - left)
    cdef Py_ssize_t i, j
    for i in range(top, top + height):
        for j in range(left, left + width):
            c[i * columns + j] = 0 if start == NULL else start[j]
    block(a + top * a_at.row, a_at, b + left * b_at.column, b_at, c + top * columns + left,
          columns, height, width, depth)


cdef inline Matrix laid_out(Py_ssize_t columns, bint transposed) noexcept nogil:
    """A C-contiguous matrix of `columns` columns, or its transpose."""
    cdef Matrix at
    at.row = 1 if transposed else columns
    at.column = columns if transposed else 1
    return at
