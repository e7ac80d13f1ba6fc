"""Sums over many rows, as exact as pairwise summation makes them.

BLOCK rows are added up in order, then the blocks' sums in pairs, these sums in pairs again, and so
on. A rounding error then passes through at most BLOCK + log2(rows / BLOCK) additions; in one go it
would pass through all rows: float32 has no 2^24 + 1, so a sum of ones would stop growing there. The
order follows from the number of rows alone.

Sums that wait for their partner stand on a stack, those of most rows at the bottom:

    top = stack
    for block in range(blocks_of(rows)):
        clear(top, n)
        for i in range(block * BLOCK, end_of(block, rows)):
            top[j] += ... for j in 0 ... n - 1
        top = paired(top, block, n)
    add_up(stack, top, n)                             stack[0 .. n) has the sums

Higham, "The accuracy of floating point summation", SIAM Journal on Scientific Computing 14, 1993.
"""

from minidl._kernels.scalar cimport real
from minidl._kernels.tile cimport out_of_line

cdef enum:
    BLOCK = 32  # rows
    STACK = 2048  # numbers in double precision, or twice as many of float32: 16 KB


cdef union Stack:
    double doubles[STACK]
    float floats[2 * STACK]


cdef inline Py_ssize_t blocks_of(Py_ssize_t rows) noexcept nogil:
    return (rows + BLOCK - 1) // BLOCK


cdef inline Py_ssize_t end_of(Py_ssize_t block, Py_ssize_t rows) noexcept nogil:
    """The row after the block's last one."""
    return min(rows, (block + 1) * BLOCK)


cdef inline Py_ssize_t columns_for(Py_ssize_t rows, size_t itemsize) noexcept nogil:
    """How many columns the stack has room for. The more at a time, the faster memory is read."""
    cdef Py_ssize_t blocks = blocks_of(rows), height = 2
    while blocks > 2:
        blocks = (blocks + 1) // 2
        height += 1
    return sizeof(Stack) // itemsize // height


cdef inline void clear(real *sums, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(n):
        sums[j] = 0


cdef inline real *paired(real *top, Py_ssize_t block, Py_ssize_t n) noexcept nogil:
    """Adds the sums of block number `block`, on top of the stack, to those below as long as these
    are of as many blocks, like a carry in a binary number. Returns the place for the next sums."""
    cdef Py_ssize_t j
    while block & 1:
        for j in range(n):
            top[j - n] += top[j]
        top -= n
        block >>= 1
    return top + n


cdef inline void add_up(real *stack, real *top, Py_ssize_t n) noexcept nogil:
    """Adds up all sums on the stack, from the top down, into stack[0 .. n); 0 if it is empty."""
    cdef Py_ssize_t j
    if top == stack:
        clear(stack, n)
        return
    top -= n
    while top != stack:
        for j in range(n):
            top[j - n] += top[j]
        top -= n


cdef inline out_of_line add_rows(
    const real *x, Py_ssize_t units, Py_ssize_t rows, real *sums, Py_ssize_t n
) noexcept nogil:
    """sums += the rows of x, n columns wide. Not inlined: the compiler would add several rows at a
    time, which takes a third longer if they come from memory."""
    cdef Py_ssize_t i, j
    for i in range(rows):
        for j in range(n):
            sums[j] += x[i * units + j]


cdef inline void sum_rows(
    const real *x, Py_ssize_t units, Py_ssize_t rows, Py_ssize_t first, Py_ssize_t end, real *sums
) noexcept nogil:
    """sums[j] = the sum of column j of x (rows, units), for columns first ... end - 1."""
    cdef Stack memory
    cdef real *stack = <real *> &memory
    cdef real *top
    cdef Py_ssize_t j, n, block
    while first < end:
        n = min(columns_for(rows, sizeof(real)), end - first)
        top = stack
        for block in range(blocks_of(rows)):
            clear(top, n)
            add_rows(x + block * BLOCK * units + first, units,
                     end_of(block, rows) - block * BLOCK, top, n)
            top = paired(top, block, n)
        add_up(stack, top, n)
        for j in range(n):
            sums[first + j] = stack[j]
        first += n
