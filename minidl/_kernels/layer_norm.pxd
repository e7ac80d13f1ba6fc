"""Layer normalisation and RMS normalisation: a row forward and backward, and sums over rows.

    y = weight (x - c) s + bias    with, over the n numbers of a row,    c = mean[x]
                                                                         s = 1 / sqrt(v + eps)
                                                                         v = mean[(x - c)²]

RMS normalisation does not centre: c = 0. With g = weight dy the gradients are

    dx = s (g - mean[g] - (x - c) s² mean[g (x - c)])        without mean[g] if it is not centred
    dweight = sum over the rows of dy (x - c) s,    dbias = sum over the rows of dy

Without weight and bias, arrays of ones and zeros take their place: a branch in a row's loops would
prevent vectorisation, which takes twice as long. NULL stands for a gradient that is not wanted.
Everything is computed in double precision and rounded once, so a mean far from 0 costs no digits.

Ba, Kiros, Hinton, "Layer normalization", 2016; Zhang, Sennrich, "Root mean square layer
normalization", NeurIPS 2019.
"""

from libc.math cimport sqrt

from minidl._kernels.scalar cimport real
from minidl._kernels.sums cimport (
    BLOCK, Stack, add_up, blocks_of, clear, columns_for, end_of, paired)

cdef enum:
    LANES = 8  # sums that run through a row side by side, so that no addition waits for another


cdef inline double together(const double *sums) noexcept nogil:
    """The sum of LANES sums."""
    return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]))


cdef inline double mean_of(const real *x, Py_ssize_t n) noexcept nogil:
    """The mean of a row."""
    cdef double[LANES] sums
    cdef Py_ssize_t i, j, lane, whole = n // LANES
    clear(sums, LANES)
    for i in range(whole):
        for lane in range(LANES):
            sums[lane] += x[i * LANES + lane]
    for j in range(whole * LANES, n):
        sums[j - whole * LANES] += x[j]
    return together(sums) / n


cdef inline double mean_square(const real *x, double center, Py_ssize_t n) noexcept nogil:
    """The mean of (x - center)² over a row."""
    cdef double[LANES] sums
    cdef double d
    cdef Py_ssize_t i, j, lane, whole = n // LANES
    clear(sums, LANES)
    for i in range(whole):
        for lane in range(LANES):
            d = x[i * LANES + lane] - center
            sums[lane] += d * d
    for j in range(whole * LANES, n):
        d = x[j] - center
        sums[j - whole * LANES] += d * d
    return together(sums) / n


cdef inline double mean_product(const real *a, const real *b, Py_ssize_t n) noexcept nogil:
    """The mean of a b over a row."""
    cdef double[LANES] sums
    cdef Py_ssize_t i, j, lane, whole = n // LANES
    clear(sums, LANES)
    for i in range(whole):
        for lane in range(LANES):
            sums[lane] += <double> a[i * LANES + lane] * b[i * LANES + lane]
    for j in range(whole * LANES, n):
        sums[j - whole * LANES] += <double> a[j] * b[j]
    return together(sums) / n


cdef inline double mean_moment(
    const real *a, const real *b, const real *x, double center, Py_ssize_t n
) noexcept nogil:
    """The mean of a b (x - center) over a row. It has a loop of its own: with a second sum in one
    loop, neither is vectorised."""
    cdef double[LANES] sums
    cdef Py_ssize_t i, j, lane, whole = n // LANES
    clear(sums, LANES)
    for i in range(whole):
        for lane in range(LANES):
            j = i * LANES + lane
            sums[lane] += <double> a[j] * b[j] * (x[j] - center)
    for j in range(whole * LANES, n):
        sums[j - whole * LANES] += <double> a[j] * b[j] * (x[j] - center)
    return together(sums) / n


cdef inline void normalize_row(
    const real *x, const real *weight, const real *bias, double eps, real *y, double *center,
    double *scale, Py_ssize_t n, bint is_centered
) noexcept nogil:
    """y of one row, and into center[0] and scale[0] the c and s that the gradients read. Cost:
    three passes over x, two without centring."""
    cdef double c = mean_of(x, n) if is_centered else 0.0
    cdef double s = 1.0 / sqrt(mean_square(x, c, n) + eps)
    cdef Py_ssize_t j
    center[0], scale[0] = c, s
    for j in range(n):
        y[j] = <real> ((x[j] - c) * s * weight[j] + bias[j])


cdef inline void normalize_row_backward(
    const real *x, const real *weight, double c, double s, const real *dy, real *dx, Py_ssize_t n,
    bint is_centered
) noexcept nogil:
    """dx of one row. Cost: two passes over x, and three over dy and weight, or two without
    centring."""
    cdef double mean = mean_product(dy, weight, n) if is_centered else 0.0
    cdef double slope = s * s * mean_moment(dy, weight, x, c, n)
    cdef Py_ssize_t j
    for j in range(n):
        dx[j] = <real> (s * (<double> dy[j] * weight[j] - mean - (x[j] - c) * slope))


cdef inline void affine_gradients(
    const real *x, const double *center, const double *scale, const real *dy, real *dweight,
    real *dbias, Py_ssize_t rows, Py_ssize_t units, Py_ssize_t first, Py_ssize_t end
) noexcept nogil:
    """dweight and dbias of columns first ... end - 1 of x and dy (rows, units), summed in the order
    of sums.pxd. Cost: one pass over these columns of x and dy."""
    cdef Stack of_products, of_dy
    cdef double *top
    cdef double *top_product
    cdef double c, s
    cdef Py_ssize_t i, j, n, block, at
    while first < end:
        n = min(columns_for(rows, sizeof(double)), end - first)
        top, top_product = of_dy.doubles, of_products.doubles
        for block in range(blocks_of(rows)):
            clear(top, n)
            clear(top_product, n)
            for i in range(block * BLOCK, end_of(block, rows)):
                at = i * units + first
                c, s = center[i], scale[i]
                for j in range(n):
                    top[j] += dy[at + j]
                    top_product[j] += dy[at + j] * ((x[at + j] - c) * s)
            top = paired(top, block, n)
            top_product = paired(top_product, block, n)
        add_up(of_dy.doubles, top, n)
        add_up(of_products.doubles, top_product, n)
        for j in range(n):
            if dweight != NULL:
                dweight[first + j] = <real> of_products.doubles[j]
            if dbias != NULL:
                dbias[first + j] = <real> of_dy.doubles[j]
        first += n
