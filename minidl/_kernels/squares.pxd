"""The sum of the squares of a matrix, in double precision and in one fixed order.

Over a row, as many sums run side by side as a vector has lanes: column j goes into sum j mod lanes.
These are added up in order, and so are the rows. A thread sums its own rows, so the bits depend
neither on the threads nor on the order of W in memory.
"""

from minidl._kernels.scalar cimport real
from minidl._kernels.tile cimport LANES as MOST_LANES
from minidl._kernels.tile cimport lanes_of


cdef inline void add_squares(const real *w, Py_ssize_t n, double *sums) noexcept nogil:
    """Adds w[j]² to the sum of j's lane; w begins at a column that is a multiple of the lanes."""
    cdef Py_ssize_t lanes = lanes_of(sizeof(real)), j = 0, lane
    while j + lanes <= n:
        for lane in range(lanes):
            sums[lane] += <double> w[j + lane] * w[j + lane]
        j += lanes
    for lane in range(n - j):
        sums[lane] += <double> w[j + lane] * w[j + lane]


cdef inline double taken(double *sums, size_t itemsize) noexcept nogil:
    """The lanes' sums, added up in order; they are 0 afterwards."""
    cdef Py_ssize_t lane
    cdef double total = 0
    for lane in range(lanes_of(itemsize)):
        total += sums[lane]
        sums[lane] = 0
    return total
