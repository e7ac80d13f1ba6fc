"""Batch normalisation: each unit's numbers get mean 0 and variance 1 over the batch.

Threads share the units, COLUMNS at a time, so each sum belongs to one thread and has one order,
that of sums.pxd. Everything is computed in double precision: float32 is rounded once, at the end,
and a mean far from 0 costs no digits.

Ioffe, Szegedy, "Batch normalization: accelerating deep network training by reducing internal
covariate shift", ICML 2015.
"""

from cython.parallel cimport prange
from libc.math cimport sqrt
from libc.stdint cimport int64_t

from minidl._kernels.instruction cimport (
    Columns, Run, Turn, at, columns_of, instruction)
from minidl._kernels.ndarray cimport address
from minidl._kernels.scalar cimport real
from minidl._kernels.sums cimport BLOCK, add_up, blocks_of, clear, end_of, paired

INSTRUCTIONS = {}

cdef enum:
    COLUMNS = 32  # whole cache lines of a row, but few enough for their sums to stay in the cache
    STACK = 42 * COLUMNS  # more than 2^41 blocks of rows do not fit a 64-bit address space


cdef inline void moments(
    const real *x, double *mean, double *variance, Py_ssize_t batch, Py_ssize_t units,
    Py_ssize_t n
) noexcept nogil:
    """The mean of each of the first n columns, and the mean of the squared distances from it."""
    cdef double[STACK] sums
    cdef double[COLUMNS] center
    cdef double *top = sums
    cdef double d
    cdef Py_ssize_t i, j, block
    for block in range(blocks_of(batch)):
        clear(top, n)
        for i in range(block * BLOCK, end_of(block, batch)):
            for j in range(n):
                top[j] += x[i * units + j]
        top = paired(top, block, n)
    add_up(sums, top, n)
    for j in range(n):
        mean[j] = center[j] = sums[j] / batch
    top = sums
    for block in range(blocks_of(batch)):
        clear(top, n)
        for i in range(block * BLOCK, end_of(block, batch)):
            for j in range(n):
                d = x[i * units + j] - center[j]
                top[j] += d * d
        top = paired(top, block, n)
    add_up(sums, top, n)
    for j in range(n):
        variance[j] = sums[j] / batch


# ---- y = weight (x - mean) / sqrt(variance + eps) + bias; keeps x and weight ------------------
# With s = 1 / sqrt(variance + eps) and mean[...] for the mean over the batch:
# dx = s weight (dy - mean[dy] - (x - mean) s² mean[dy (x - mean)]) in training, where mean and
# variance depend on x, else s weight dy; dweight = sum dy (x - mean) s, dbias = sum dy.

cdef void forward_columns(
    const real *x, const real *weight, const real *bias, double *mean, double *variance,
    double eps, real *y, Py_ssize_t batch, Py_ssize_t units, Py_ssize_t first, bint is_training
) noexcept nogil:
    """The columns from `first` on: COLUMNS of them, or all that are left. mean and variance are
    those of these columns."""
    cdef double[COLUMNS] center, scale, shift
    cdef Py_ssize_t i, j, n = min(<Py_ssize_t> COLUMNS, units - first)
    x, y = x + first, y + first
    if is_training:
        moments(x, mean, variance, batch, units, n)
    for j in range(n):
        center[j] = mean[j]
        scale[j] = (1.0 if weight == NULL else <double> weight[first + j]) / sqrt(
            variance[j] + eps)
        shift[j] = 0.0 if bias == NULL else <double> bias[first + j]
    for i in range(batch):
        for j in range(n):
            y[i * units + j] = <real> ((x[i * units + j] - center[j]) * scale[j] + shift[j])


cdef void backward_columns(
    const real *x, const real *weight, const double *mean, const double *variance, double eps,
    const real *dy, real *dx, real *dweight, real *dbias, Py_ssize_t batch, Py_ssize_t units,
    Py_ssize_t first, bint is_training
) noexcept nogil:
    """The same columns; NULL stands for arrays that are missing or not wanted."""
    cdef double[COLUMNS] center, scale
    cdef double[STACK] sums, products
    cdef double *top = sums
    cdef double *top_product = products
    cdef double s
    cdef Py_ssize_t i, j, block, n = min(<Py_ssize_t> COLUMNS, units - first)
    x, dy = x + first, dy + first
    for j in range(n):
        center[j] = mean[first + j]
    for block in range(blocks_of(batch)):
        clear(top, n)
        clear(top_product, n)
        for i in range(block * BLOCK, end_of(block, batch)):
            for j in range(n):
                top[j] += dy[i * units + j]
                top_product[j] += dy[i * units + j] * (x[i * units + j] - center[j])
        top = paired(top, block, n)
        top_product = paired(top_product, block, n)
    add_up(sums, top, n)
    add_up(products, top_product, n)
    for j in range(n):
        s = 1.0 / sqrt(variance[first + j] + eps)
        if dweight != NULL:
            dweight[first + j] = <real> (products[j] * s)
        if dbias != NULL:
            dbias[first + j] = <real> sums[j]
        scale[j] = s if weight == NULL else s * weight[first + j]
        sums[j] = sums[j] / batch
        products[j] = products[j] * s * s / batch
    if dx == NULL:
        return
    dx = dx + first
    if is_training:
        for i in range(batch):
            for j in range(n):
                dx[i * units + j] = <real> (scale[j] * (
                    dy[i * units + j] - sums[j] - (x[i * units + j] - center[j]) * products[j]))
    else:
        for i in range(batch):
            for j in range(n):
                dx[i * units + j] = <real> (scale[j] * dy[i * units + j])


cdef void move_towards(
    real *running, Py_ssize_t step, const double *value, double factor, double momentum,
    Py_ssize_t n
) noexcept nogil:
    """running += momentum (factor value - running), for n numbers, `step` apart in running."""
    cdef Py_ssize_t j
    for j in range(n):
        running[j * step] = <real> (
            running[j * step] + momentum * (factor * value[j] - running[j * step]))


def follow(real[:] running, const double[::1] value, double factor, double momentum):
    """running += momentum (factor value - running), in double precision, rounded once; shapes
    (units,). Cost: one pass over both."""
    if running.shape[0]:
        move_towards(&running[0], running.strides[0] // <Py_ssize_t> sizeof(real), &value[0],
                     factor, momentum, running.shape[0])


def forward(
    const real[:, ::1] x, const real[::1] weight, const real[::1] bias, double[::1] mean,
    double[::1] variance, double eps, real[:, ::1] y, bint is_training, int threads
):
    """y = weight (x - mean) / sqrt(variance + eps) + bias.

    Shapes: x and y (batch, units); weight and bias (units,), or (0,) for none; mean and variance
    (units,), which in training are written with the batch's, else read. Cost: one pass over x
    and y, in training two more over x.
    """
    cdef const real *w = &weight[0] if weight.shape[0] else NULL
    cdef const real *b = &bias[0] if bias.shape[0] else NULL
    cdef Py_ssize_t batch = x.shape[0], units = x.shape[1], block
    if batch == 0:
        return
    for block in prange((units + COLUMNS - 1) // COLUMNS, nogil=True, num_threads=threads,
                        schedule="static"):
        forward_columns(&x[0, 0], w, b, &mean[block * COLUMNS], &variance[block * COLUMNS], eps,
                        &y[0, 0], batch, units, block * COLUMNS, is_training)


def backward(
    const real[:, ::1] x, const real[::1] weight, const double[::1] mean,
    const double[::1] variance, double eps, const real[:, ::1] dy, real[:, ::1] dx,
    real[::1] dweight, real[::1] dbias, bint is_training, int threads
):
    """dx, dweight and dbias by the formula above; of shape (0, 0) or (0,) if not wanted.

    Shapes as in forward. Cost: one pass over x and dy for the sums, and one over x, dy and dx.
    """
    cdef const real *w = &weight[0] if weight.shape[0] else NULL
    cdef real *to_x = &dx[0, 0] if dx.shape[0] else NULL
    cdef real *to_w = &dweight[0] if dweight.shape[0] else NULL
    cdef real *to_b = &dbias[0] if dbias.shape[0] else NULL
    cdef Py_ssize_t batch = x.shape[0], units = x.shape[1], block
    for block in prange((units + COLUMNS - 1) // COLUMNS, nogil=True, num_threads=threads,
                        schedule="static"):
        backward_columns(&x[0, 0], w, &mean[0], &variance[0], eps, &dy[0, 0], to_x, to_w, to_b,
                         batch, units, block * COLUMNS, is_training)


# ---- In a step -----------------------------------------------------------------------------------

cdef struct BatchNorm:
    # Slots and parameters by their numbers.
    Py_ssize_t x
    Py_ssize_t y
    Py_ssize_t dx
    Py_ssize_t dy
    Py_ssize_t weight
    Py_ssize_t bias
    Py_ssize_t width
    double eps
    double momentum  # below 0: all batches have the same weight
    bint is_training
    double *mean  # of the batch
    double *variance
    void *running_mean  # over the batches before
    void *running_var
    int64_t *counted  # the number of these batches
    int64_t before  # their number before the first step
    void *dweight
    void *dbias


cdef int read_batch_norm(void *it, dict given, size_t itemsize, list kept) except -1:
    cdef BatchNorm *norm = <BatchNorm *> it
    norm.x, norm.y, norm.dx, norm.dy = given["x"], given["y"], given["dx"], given["dy"]
    norm.weight, norm.bias, norm.width = given["weight"], given["bias"], given["width"]
    norm.eps, norm.momentum = given["eps"], given["momentum"]
    norm.is_training = given["is_training"]
    norm.mean = <double *> address(given["mean"], kept, True)
    norm.variance = <double *> address(given["variance"], kept, True)
    norm.running_mean = address(given["running_mean"], kept, True)
    norm.running_var = address(given["running_var"], kept, True)
    norm.counted = <int64_t *> address(given["counted"], kept, True)
    norm.before = norm.counted[0]
    norm.dweight = address(given["dweight"], kept, True)
    norm.dbias = address(given["dbias"], kept, True)
    return 0


cdef inline const void *array_of(const Turn *turn, Py_ssize_t parameter) noexcept nogil:
    return turn.parameters[parameter].w if parameter >= 0 else NULL


cdef void forward_by_columns(const BatchNorm *it, const Turn *turn, real *scratch) noexcept nogil:
    """y in training, and the running arrays, for this thread's columns."""
    cdef Columns own = columns_of(turn, it.width, COLUMNS)
    cdef int64_t seen = it.before + turn.step + 1
    cdef double momentum = it.momentum if it.momentum >= 0 else 1.0 / max(seen, <int64_t> 1)
    cdef Py_ssize_t first = own.first, n
    while first < own.end:
        n = min(<Py_ssize_t> COLUMNS, own.end - first)
        forward_columns(
            <const real *> at(turn, it.x), <const real *> array_of(turn, it.weight),
            <const real *> array_of(turn, it.bias), it.mean + first, it.variance + first, it.eps,
            <real *> at(turn, it.y), turn.n, it.width, first, True)
        move_towards(<real *> it.running_mean + first, 1, it.mean + first, 1.0, momentum, n)
        move_towards(<real *> it.running_var + first, 1, it.variance + first,
                     turn.n / (turn.n - 1.0), momentum, n)
        first += n
    if turn.thread == turn.threads - 1:
        it.counted[0] = seen


cdef void forward_by_rows(const BatchNorm *it, const Turn *turn, real *scratch) noexcept nogil:
    """y in evaluation, for this thread's rows."""
    cdef double[COLUMNS] mean, variance
    cdef Py_ssize_t first = 0, top = turn.first * it.width, j
    while first < it.width:
        for j in range(min(<Py_ssize_t> COLUMNS, it.width - first)):
            mean[j] = (<const real *> it.running_mean)[first + j]
            variance[j] = (<const real *> it.running_var)[first + j]
        forward_columns(
            <const real *> at(turn, it.x) + top, <const real *> array_of(turn, it.weight),
            <const real *> array_of(turn, it.bias), mean, variance, it.eps,
            <real *> at(turn, it.y) + top, turn.end - turn.first, it.width, first, False)
        first += COLUMNS


cdef void back_by_columns(const BatchNorm *it, const Turn *turn, real *scratch) noexcept nogil:
    """dx, dweight and dbias, for this thread's columns."""
    cdef Columns own = columns_of(turn, it.width, COLUMNS)
    cdef Py_ssize_t first = own.first, j
    cdef real *dx = NULL
    if it.dx >= 0:
        dx = <real *> at(turn, it.dx)
    while first < own.end:
        if not it.is_training:
            for j in range(first, min(first + COLUMNS, own.end)):
                it.mean[j] = (<const real *> it.running_mean)[j]
                it.variance[j] = (<const real *> it.running_var)[j]
        backward_columns(
            <const real *> at(turn, it.x), <const real *> array_of(turn, it.weight), it.mean,
            it.variance, it.eps, <const real *> at(turn, it.dy), dx, <real *> it.dweight,
            <real *> it.dbias, turn.n, it.width, first, it.is_training)
        first += COLUMNS


INSTRUCTIONS["batch norm"] = instruction(
    sizeof(BatchNorm), read_batch_norm, <Run> forward_by_columns[float],
    <Run> forward_by_columns[double],
    reads={"x": "columns 32", "weight": "all", "bias": "all"},
    writes={"y": "columns 32", "mean": "columns 32", "running_mean": "columns 32",
            "running_var": "columns 32"})
INSTRUCTIONS["batch norm in evaluation"] = instruction(
    sizeof(BatchNorm), read_batch_norm, <Run> forward_by_rows[float],
    <Run> forward_by_rows[double],
    reads={"x": "rows", "weight": "all", "bias": "all", "running_mean": "all",
           "running_var": "all"},
    writes={"y": "rows"})
INSTRUCTIONS["batch norm back"] = instruction(
    sizeof(BatchNorm), read_batch_norm, <Run> back_by_columns[float],
    <Run> back_by_columns[double],
    reads={"x": "columns 32", "dy": "columns 32", "mean": "columns 32", "weight": "all"},
    writes={"dx": "columns 32", "dweight": "columns 32", "dbias": "columns 32"})
