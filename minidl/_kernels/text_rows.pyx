"""Rows of a text file: numbers are read here, other cells are looked up. Built once, for every CPU.

"-12.5e3" means m * 10**e with m = 125 and e = 2. Up to 19 digits, m fits in 64 bits, and so does
10**|e|. The product, or 64 bits of the quotient, is exact in 128 bits and rounded once: the result
has the bits of Python's float("-12.5e3"). (Clinger, How to read floating point numbers accurately,
PLDI 1990, shows what longer numbers need.)
"""

from libc.math cimport ldexp
from libc.stdint cimport uint8_t, uint64_t

import numpy as np

cdef extern from *:
    """
    typedef unsigned __int128 uint128;
    #define leading_zeros __builtin_clzll
    """
    ctypedef unsigned long long uint128  # C knows its size
    int leading_zeros(uint64_t) noexcept nogil

cdef enum:
    DIGITS = 19  # 10**19 < 2**64

cdef enum Role:  # of a byte
    INSIDE, DELIMITER, LINE_END, ODD

cdef struct Cell:
    const uint8_t *first
    const uint8_t *end

cdef uint64_t POWERS[DIGITS + 1]
POWERS[:] = [10**i for i in range(DIGITS + 1)]


cdef inline double rounded(uint64_t m, int e) noexcept nogil:
    """m * 10**e for |e| <= 19, rounded to the nearest double."""
    cdef uint64_t d, q
    cdef uint128 n
    cdef int m_zeros, d_zeros
    if e >= 0:
        return <double> (<uint128> m * POWERS[e])
    if m == 0:
        return 0
    # Both are shifted to fill 64 bits: then q has 63 or 64. Its last bit, which is far below those
    # of a double, is set if there is a remainder, so that no number looks like a tie.
    d = POWERS[-e]
    m_zeros, d_zeros = leading_zeros(m), leading_zeros(d)
    n, d = <uint128> (m << m_zeros) << 63, d << d_zeros
    q = <uint64_t> (n // d)
    q |= <uint128> q * d != n
    return ldexp(<double> q, d_zeros - m_zeros - 63)


cdef inline const uint8_t *digits(
    const uint8_t *at, const uint8_t *end, uint64_t *m
) noexcept nogil:
    """The end of the digits that begin here, which are appended to m."""
    while at < end and c"0" <= at[0] <= c"9":
        m[0] = 10 * m[0] + (at[0] - c"0")
        at += 1
    return at


cdef inline bint number(Cell cell, uint8_t point, double *value) noexcept nogil:
    """Whether the cell is a number of at most 19 digits that `rounded` can round: its value."""
    cdef const uint8_t *at = cell.first
    cdef const uint8_t *first
    cdef uint64_t m = 0, power = 0
    cdef Py_ssize_t count, e = 0
    cdef bint is_negative = at < cell.end and at[0] == c"-", is_small
    at += is_negative or (at < cell.end and at[0] == c"+")
    first = at
    at = digits(at, cell.end, &m)
    count = at - first
    if at < cell.end and at[0] == point:
        first = at + 1
        at = digits(first, cell.end, &m)
        e = first - at
        count -= e
        if e == 0:
            return False
    if not 0 < count <= DIGITS:
        return False
    if at < cell.end and at[0] | 32 == c"e":
        at += 1
        is_small = at < cell.end and at[0] == c"-"
        at += is_small or (at < cell.end and at[0] == c"+")
        first = at
        at = digits(at, cell.end, &power)
        if not 0 < at - first <= 4:
            return False
        e += -<Py_ssize_t> power if is_small else <Py_ssize_t> power
    if at != cell.end or not -DIGITS <= e <= DIGITS:
        return False
    value[0] = rounded(m, <int> e)
    if is_negative:
        value[0] = -value[0]
    return True


cdef const uint8_t *split(
    const uint8_t *at, const uint8_t *role, Cell *cells, Py_ssize_t width
) noexcept nogil:
    """Finds the cells of the row that begins here. Where the next row begins; NULL if this one has
    more or fewer cells, or quotes that do not simply enclose a cell."""
    cdef Py_ssize_t j
    for j in range(width):
        if j > 0:
            if role[at[0]] != DELIMITER:
                return NULL
            at += 1
        while at[0] == c" ":
            at += 1
        if at[0] == c'"':
            at += 1
            cells[j].first = at
            while at[0] != c'"' and role[at[0]] != LINE_END:
                at += 1
            cells[j].end = at
            if at[0] != c'"' or role[at[1]] == INSIDE:
                return NULL
            at += 1
        else:
            cells[j].first = at
            while role[at[0]] == INSIDE:
                at += 1
            cells[j].end = at
    while at[0] == c" ":
        at += 1
    if role[at[0]] != LINE_END:
        return NULL
    return at + 2 if at[0] == c"\r" and at[1] == c"\n" else at + 1


cdef str string(Cell cell):
    return (<const char *> cell.first)[:cell.end - cell.first].decode("UTF-8")


def read(const uint8_t[::1] text, Py_ssize_t start, uint8_t delimiter, uint8_t point, str kinds,
         list columns, double[:, ::1] out, Py_ssize_t row):
    """Reads the rows from text[start] on into the columns of out, from out[:, row] on: up to the
    end, or a row that is not plain. Returns where it begins in the text, and its number.

    The text is UTF-8 and ends with a line end. `kinds` has a letter for each column: "n", "t", or
    "s", which has no place in out. The cells of a column "t", and those of a column "n" that are
    no plain numbers, are looked up in its dict of `columns`; a row with a cell that is not there
    is not plain.
    """
    cdef uint8_t role[256]
    cdef Py_ssize_t j, k, width = len(kinds)
    cdef Py_ssize_t[:, ::1] memory = np.empty((width, 2), np.intp)
    cdef Cell *cells = <Cell *> &memory[0, 0]
    cdef const uint8_t *begin = &text[0]
    cdef const uint8_t *at = begin + start
    cdef const uint8_t *after
    for j in range(256):
        role[j] = INSIDE
    role[delimiter] = DELIMITER
    role[c"\n"] = role[c"\r"] = LINE_END
    if delimiter == c" ":
        role[c"\t"] = ODD  # a cell ends there, unless the row has quotes: layout.blanked
    while at < begin + text.shape[0] and row < out.shape[1]:
        after = split(at, role, cells, width)
        if after == NULL:
            break
        k = 0
        for j in range(width):
            if kinds[j] == "s":
                continue
            if kinds[j] == "t" or not number(cells[j], point, &out[k, row]):
                try:
                    out[k, row] = columns[j][string(cells[j])]
                except KeyError:
                    return at - begin, row
            k += 1
        at = after
        row += 1
    return at - begin, row
