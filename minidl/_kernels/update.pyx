"""A step of an optimiser for all its parameters of one dtype."""

from cpython.pycapsule cimport PyCapsule_GetPointer
from cython.parallel cimport prange
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp

from minidl._kernels.ndarray cimport (
    DOUBLE, FLOAT, address, axes, data, is_writable, load, type_of)
from minidl._kernels.ndarray cimport shape as shape_of
from minidl._kernels.scalar cimport real
from minidl._kernels.update cimport (
    Coefficients, Hyperparameters, apply_rule, moved, coefficients_function, rule_function)

load()

HYPERPARAMETERS = sizeof(Hyperparameters) // sizeof(double)
COEFFICIENTS = sizeof(Coefficients) // sizeof(double)


cdef coefficients_function coefficients_of(rule) except NULL:
    return <coefficients_function> PyCapsule_GetPointer(rule["coefficients"], "minidl coefficients")


cdef inline void find(
    coefficients_function function, const Hyperparameters *h, Coefficients *c
) noexcept nogil:
    c.shrink = 1 - h.lr * h.decay if h.is_decoupled else 1
    c.decay = 0 if h.is_decoupled else h.decay
    c.climbs = h.climbs
    function(h, c.own)


def coefficients(
    rule, const double[:, :, ::1] hyperparameters, double[:, :, ::1] found
):
    """The coefficients of n parameters for each step, (steps, n, COEFFICIENTS), of the rule's
    hyperparameters, (steps, n, HYPERPARAMETERS)."""
    cdef Py_ssize_t i, k
    cdef coefficients_function function = coefficients_of(rule)
    for i in range(found.shape[0]):
        for k in range(found.shape[1]):
            find(function, <const Hyperparameters *> &hyperparameters[i, k, 0],
                 <Coefficients *> &found[i, k, 0])


cdef struct Parameter:
    void *w
    void *g  # NULL: the parameter stays unchanged
    Coefficients coefficients


cdef bint is_fit(
    object array, const Py_ssize_t *shape, size_t itemsize, bint writable, void **place
) noexcept:
    """Whether the array can be used where it is; and its address."""
    cdef int axis
    if (type_of(array) != (FLOAT if itemsize == 4 else DOUBLE) or axes(array) != shape[0]
            or writable and not is_writable(array)):
        return False
    for axis in range(axes(array)):
        if shape_of(array)[axis] != shape[1 + axis]:
            return False
    place[0] = data(array)
    return True


cdef inline void run_span(
    void *function, const Parameter *parameters, const Py_ssize_t *span, void **states,
    const real *like
) noexcept nogil:
    """`like` is not read, but has the dtype."""
    cdef const Parameter *parameter = parameters + span[0]
    if parameter.g != NULL:
        apply_rule[real](
            function, <real *> parameter.w + span[1], <const real *> parameter.g + span[1],
            moved(<real *> states[0], span[2]), moved(<real *> states[1], span[2]),
            moved(<real *> states[2], span[2]), span[3], &parameter.coefficients)


cdef void run_spans(
    void *function, const Parameter *parameters, const Py_ssize_t *spans, Py_ssize_t count,
    void **states, int threads, const real *like
) noexcept:
    cdef Py_ssize_t i
    if threads == 1:  # a team of one would take OpenMP 0.7 µs
        with nogil:
            for i in range(count):
                run_span(function, parameters, spans + 4 * i, states, like)
        return
    for i in prange(count, nogil=True, num_threads=threads, schedule="static"):
        run_span(function, parameters, spans + 4 * i, states, like)


cdef class Update:
    """A rule and the n parameters of one dtype that it changes in place, kept from step to step, so
    that a step costs little more than its work.

    rule, dtype            an entry of RULES; "float32" or "float64"
    shapes (n, 1 + axes)   each parameter's number of axes, and their lengths
    spans (spans, 4)       the work, cut into pieces: which parameter, its first element, that
                           element's place in the state, how many elements
    states                 three flat arrays over all n parameters; None if the rule keeps fewer
    hyperparameters        (n, HYPERPARAMETERS), except t; they may change between steps
    """

    cdef coefficients_function coefficients_of
    cdef void *function
    cdef size_t itemsize
    cdef const Py_ssize_t[:, ::1] shapes, spans
    cdef double[:, ::1] hyperparameters
    cdef void *states[3]
    cdef list kept
    cdef Parameter *parameters
    cdef readonly Py_ssize_t found  # how many gradients find() was given
    cdef readonly bint has_moved  # whether it found a parameter at a new place

    def __cinit__(self, rule, str dtype, shapes, spans, list states, hyperparameters):
        cdef int i
        self.coefficients_of = coefficients_of(rule)
        self.itemsize = 4 if dtype == "float32" else 8
        self.function = rule_function(rule[dtype], self.itemsize)
        self.shapes, self.spans, self.kept = shapes, spans, []
        self.hyperparameters = hyperparameters
        for i in range(3):
            self.states[i] = address(states[i], self.kept, True)
        self.parameters = <Parameter *> calloc(len(hyperparameters), sizeof(Parameter))
        if self.parameters == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.parameters)

    def find(self, list weights, list gradients):
        """Reads where the arrays are; the caller keeps them until run(). A parameter without a
        gradient (None) stays unchanged, and so does its state. False if one of the others, or its
        gradient, is not a contiguous array of the dtype and the parameter's shape."""
        cdef Py_ssize_t k
        cdef void *before
        cdef Parameter *parameter
        cdef bint are_fit = True
        self.found, self.has_moved = 0, False
        for k in range(self.hyperparameters.shape[0]):
            parameter = &self.parameters[k]
            parameter.g = NULL
            if gradients[k] is None:
                continue
            self.found += 1
            before = parameter.w
            are_fit = (
                is_fit(weights[k], &self.shapes[k, 0], self.itemsize, True, &parameter.w)
                and is_fit(gradients[k], &self.shapes[k, 0], self.itemsize, False, &parameter.g)
                and are_fit)
            self.has_moved = self.has_moved or parameter.w != before
        if not are_fit:
            self.forget()
        return are_fit

    cdef void forget(self):
        """The gradients are no longer needed."""
        cdef Py_ssize_t k
        for k in range(self.hyperparameters.shape[0]):
            self.parameters[k].g = NULL

    cdef void prepare(self, list steps):
        """Computes each parameter's coefficients for its step of this number; parameters with the
        same hyperparameters share them."""
        cdef Py_ssize_t k
        cdef const Hyperparameters *h
        cdef const Hyperparameters *before = NULL
        for k in range(self.hyperparameters.shape[0]):
            self.hyperparameters[k, 0] = steps[k]
            h = <const Hyperparameters *> &self.hyperparameters[k, 0]
            if before != NULL and memcmp(h, before, sizeof(Hyperparameters)) == 0:
                self.parameters[k].coefficients = self.parameters[k - 1].coefficients
            else:
                find(self.coefficients_of, h, &self.parameters[k].coefficients)
            before = h

    def coefficients(self, list steps, double[:, ::1] found):
        """The coefficients of the n parameters (n, COEFFICIENTS) in the step of this number."""
        cdef Py_ssize_t k
        self.prepare(steps)
        for k in range(self.hyperparameters.shape[0]):
            (<Coefficients *> &found[k, 0])[0] = self.parameters[k].coefficients

    def run(self, list steps, bint is_counted, int threads):
        """Applies the rule to the arrays of find(). `steps` counts each parameter's steps before
        this one, and includes it afterwards if `is_counted`."""
        cdef Py_ssize_t k
        for k in range(self.hyperparameters.shape[0] if is_counted else 0):
            if self.parameters[k].g != NULL:
                steps[k] += 1
        self.prepare(steps)
        if self.itemsize == 4:
            run_spans(self.function, self.parameters, &self.spans[0, 0], self.spans.shape[0],
                      self.states, threads, <const float *> NULL)
        else:
            run_spans(self.function, self.parameters, &self.spans[0, 0], self.spans.shape[0],
                      self.states, threads, <const double *> NULL)
        self.forget()
