"""What a loss is for kernels that need one: a function of a row of a net's outputs; and how a batch
of rows gives one result.

    loss(x, target, options, scale, losses, dx, n)

`target` is the row's target: a label, int64, or n numbers like x. The row's loss goes into
losses[0], or the loss of every element into losses[0..n); the gradient goes into dx[0..n); each
times `scale`. `options` are the loss's own, in order. The function travels from its module to the
others in a capsule.

The result of a batch is the sum of all rows' losses, where row i has the scale v_i / divisor:

    divisor = counted · sum_i c_i      of a mean
    divisor = 1                        of the sum

v is the row's weight, and c how much the row counts in the mean: v times the weight of its label's
class. Both are 1 if not given. `counted` is the number of losses that a row counts as.
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
    # A loss, and the targets of all rows.
    void *function
    Py_ssize_t per_row  # how many losses a row has
    double counted  # how many it counts as in the mean; 0: the sum, not the mean
    const double *options
    Py_ssize_t options_step  # from one row's options to the next; 0: all rows share them
    const char *targets
    Py_ssize_t target_bytes  # of a row
    const double *weights  # v; or NULL
    const double *counts  # c; or NULL


cdef inline dict loss_functions(loss_float f32, loss_double f64):
    """Both builds of a loss, in capsules for the Python side."""
    return {"float32": PyCapsule_New(<void *> f32, "minidl loss float32", NULL),
            "float64": PyCapsule_New(<void *> f64, "minidl loss float64", NULL)}


cdef inline int read_loss(Loss *loss, object source, size_t itemsize, list kept) except -1:
    """Reads a RowLoss of minidl/losses/reduction.py. One without a kernel may have weights."""
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
    """The divisor of a batch's losses: of the n rows from place `start` of this order on (NULL: the
    order of memory). 0 if no row has a weight. Cost: n additions, if there are weights."""
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
    """The loss of x for the target of row number `row`, in a batch with this divisor."""
    cdef const void *target = loss.targets + row * loss.target_bytes
    cdef const double *options = loss.options + row * loss.options_step
    cdef double scale = (1.0 if loss.weights == NULL else loss.weights[row]) / divisor
    if real is float:
        (<loss_float> loss.function)(x, target, options, scale, losses, dx, n)
    else:
        (<loss_double> loss.function)(x, target, options, scale, losses, dx, n)
