"""What a loss is for the kernels that need one: a function on a row of a net's outputs; and what a
batch of rows makes of it.

    loss(x, target, options, scale, losses, dx, n)

`target` is what is wanted of the row: a label, int64, or n numbers like x. Into losses[0] goes the
row's loss, or into losses[0..n) that of every element, and into dx[0..n) the gradient; each times
`scale`. `options` are the loss's own, in order. It travels from its module to the others in a
capsule.

Of a batch the result is the sum of all rows' losses, where row i has the scale v_i / divisor:

    divisor = counted · sum_i c_i      of a mean
    divisor = 1                        of the sum

v is the row's weight, and c what it counts in the mean: v, times the weight of its label's class.
Each is 1 if there are none. `counted` says how many losses a row counts as.
"""

from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_New
from libc.stdint cimport int64_t

from minidl._kernels.ndarray cimport address
from minidl._kernels.real cimport real

ctypedef void (*loss_float)(
    const float *, const void *, const double *, double, double *, float *, Py_ssize_t
) noexcept nogil
ctypedef void (*loss_double)(
    const double *, const void *, const double *, double, double *, double *, Py_ssize_t
) noexcept nogil


cdef struct Loss:
    # A loss, and what is wanted of all rows.
    void *function
    Py_ssize_t per_row  # how many losses a row has
    double counted  # how many it counts as in the mean; 0: there is no mean, but the sum
    const double *options
    Py_ssize_t options_step  # from a row's to the next; 0: all have the same
    const char *targets
    Py_ssize_t target_bytes  # of a row
    const double *weights  # v; or NULL
    const double *counts  # c; or NULL


cdef inline dict loss_functions(loss_float f32, loss_double f64):
    """Both builds of a loss, as the Python side hands them on."""
    return {"float32": PyCapsule_New(<void *> f32, "minidl loss float32", NULL),
            "float64": PyCapsule_New(<void *> f64, "minidl loss float64", NULL)}


cdef inline int read_loss(Loss *loss, object source, size_t itemsize, list kept) except -1:
    """From a RowLoss of minidl/losses/reduction.py. One without a kernel may have weights."""
    cdef Py_ssize_t rows = len(source.targets), option_rows, columns
    if source.kernel is None:
        loss.function = NULL
    elif itemsize == 4:
        loss.function = PyCapsule_GetPointer(source.kernel["float32"], "minidl loss float32")
    else:
        loss.function = PyCapsule_GetPointer(source.kernel["float64"], "minidl loss float64")
    loss.per_row = source.per_row
    loss.counted = source.counted
    loss.options = <const double *> address(source.options, kept)
    option_rows, columns = source.options.shape
    loss.options_step = columns if option_rows > 1 else 0
    loss.targets = <const char *> address(source.targets, kept)
    loss.target_bytes = source.targets.nbytes // max(rows, 1)
    loss.weights = <const double *> address(source.weights, kept)
    loss.counts = <const double *> address(source.counts, kept)
    return 0


cdef inline double in_order(const double *x, Py_ssize_t n) noexcept nogil:
    """The sum of x, from the first to the last."""
    cdef double total = 0.0
    cdef Py_ssize_t i
    for i in range(n):
        total += x[i]
    return total


cdef inline double divisor_of(
    const Loss *loss, const int64_t *order, Py_ssize_t start, Py_ssize_t n
) noexcept nogil:
    """What the losses of a batch are divided by: of the n rows that come from number `start` on in
    this order (NULL: as they lie). 0 where no row has a weight. Cost: n additions, if there are
    weights."""
    cdef Py_ssize_t i
    cdef double total = 0.0
    if loss.counted == 0.0:
        return 1.0
    if loss.counts == NULL:
        return n * loss.counted
    for i in range(start, start + n):
        total += loss.counts[i if order == NULL else order[i]]
    return total * loss.counted


cdef inline void row_loss(
    const Loss *loss, Py_ssize_t row, const real *x, double divisor, double *losses, real *dx,
    Py_ssize_t n
) noexcept nogil:
    """The loss of x, for what is wanted of row number `row`, in a batch with this divisor."""
    cdef const void *target = loss.targets + row * loss.target_bytes
    cdef const double *options = loss.options + row * loss.options_step
    cdef double scale = (1.0 if loss.weights == NULL else loss.weights[row]) / divisor
    if real is float:
        (<loss_float> loss.function)(x, target, options, scale, losses, dx, n)
    else:
        (<loss_double> loss.function)(x, target, options, scale, losses, dx, n)
