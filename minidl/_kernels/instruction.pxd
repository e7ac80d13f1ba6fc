"""A training step is a list of instructions; this is what an instruction is.

    run(it, turn, scratch)      does a thread's share of the instruction, by its `split`

`it` is the instruction's own struct: its slots and parameters, and its options. A slot holds the
numbers of a batch, (batch, width), or their gradient; slot 0 is the net's input. All threads run
the same list (program.pyx). They meet before an instruction that reads or writes something which
another thread may have written or read since the last meeting. The splits, which stand beside each
instruction, determine where that is (step/meetings.py):

    rows        of the batch: a thread has rows turn.first ... turn.end - 1
    columns n   of a row, or of a parameter, in groups of n: a thread has those of `columns_of`,
                the last thread a single one
    thread      each thread has its own copy
    all         any thread may access any part

An instruction travels in a capsule from its module to the program, which has no list of kinds.
docs/tour/6-a-training-step.md shows the list of a step, and what two threads do of it.
"""

from cpython.pycapsule cimport PyCapsule_New
from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport malloc

from minidl._kernels.losses cimport Loss
from minidl._kernels.scalar cimport real
from minidl._kernels.team cimport share
from minidl._kernels.tile cimport pieces
from minidl._kernels.update cimport Coefficients, apply_rule

cdef struct Parameter:
    # A parameter: an array, and its optimiser's rule, state and number among all.
    void *w
    Py_ssize_t size
    Py_ssize_t number
    void *rule  # NULL: it is not learned
    void *s[3]  # the state; NULL: not kept
    void *gradient  # the whole gradient; NULL if only parts of it ever exist
    void *packed  # W in panels (gemm.pxd), and its state; or NULL
    void *packed_s[3]


cdef struct Data:
    # The data set, the targets of its rows, and their order.
    Py_ssize_t rows
    Py_ssize_t batch
    Py_ssize_t width
    const uint8_t *pixels  # or NULL
    const void *numbers
    size_t itemsize  # of a number in slot 0
    const int64_t *order  # NULL: in the order of memory
    Loss loss


cdef struct Turn:
    # One thread's part in one step: the batch is n rows of the order, from `start` on; the thread's
    # own rows of it are first ... end - 1.
    Py_ssize_t step
    Py_ssize_t place  # in its group of batches, for which the optimiser steps once
    bint ends_group  # whether it is the last of its group
    Py_ssize_t start
    Py_ssize_t n
    Py_ssize_t first
    Py_ssize_t end
    int thread
    int threads
    const Data *data
    void **slots
    const void *input  # slot 0: in a slot's memory, or the batch's place in the data set
    Parameter *parameters
    const double *coefficients  # of the rules, for the next update: (parameters, columns)
    Py_ssize_t columns
    double *row_losses  # of the batch
    double *losses  # of all steps
    double *squares  # of all steps: the sum of all W² before; or NULL
    void *outputs  # of all rows, if they are wanted


ctypedef void (*Run)(const void *it, const Turn *turn, void *scratch) noexcept nogil

ctypedef int (*Read)(void *it, dict given, size_t itemsize, list kept) except -1

cdef struct Kind:
    # A kind of instruction: the size of its struct, the function that fills it, and the one that
    # runs.
    size_t size
    Read read
    Run run_float
    Run run_double


cdef inline tuple instruction(
    size_t size, Read read, Run run_float, Run run_double, dict reads, dict writes
):
    """The capsule for the Python side, with the split under which it reads and writes each of its
    arguments."""
    cdef Kind *kind = <Kind *> malloc(sizeof(Kind))  # lives as long as its module
    if kind == NULL:
        raise MemoryError
    kind[0] = Kind(size, read, run_float, run_double)
    return PyCapsule_New(kind, "minidl instruction", NULL), reads, writes


cdef inline void *at(const Turn *turn, Py_ssize_t slot) noexcept nogil:
    """The place of a slot's numbers."""
    return <void *> turn.input if slot == 0 else turn.slots[slot]


cdef struct Columns:
    Py_ssize_t first
    Py_ssize_t end


cdef inline Columns columns_of(const Turn *turn, Py_ssize_t width, Py_ssize_t group) noexcept nogil:
    """This thread's columns of `width`, in whole groups."""
    cdef Py_ssize_t groups = pieces(width, group)
    cdef Py_ssize_t first = share(groups, turn.thread, turn.threads) * group
    cdef Py_ssize_t end = share(groups, turn.thread + 1, turn.threads) * group
    return Columns(first, min(width, end))


cdef inline void update(
    const Parameter *parameter, real *w, void *const *s, Py_ssize_t first, Py_ssize_t count,
    const real *gradient, const Turn *turn
) noexcept nogil:
    """The optimiser's rule for `count` elements of w and its state, from `first` on."""
    cdef real *kept[3]
    cdef int i
    for i in range(3):
        kept[i] = NULL
        if s[i] != NULL:
            kept[i] = <real *> s[i] + first
    apply_rule[real](parameter.rule, w + first, gradient, kept[0], kept[1], kept[2], count,
                     <const Coefficients *> (turn.coefficients + parameter.number * turn.columns))


cdef inline Py_ssize_t row_of(const Data *data, Py_ssize_t i) noexcept nogil:
    """The data set's row at place i of the order."""
    return i if data.order == NULL else data.order[i]
