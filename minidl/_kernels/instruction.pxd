"""A training step is a list of instructions; this is what one of them is.

    run(it, turn, scratch)      what a thread does of the instruction: its share, by its `split`

`it` is the instruction's own struct: which slots and parameters it works on, and its options. A
slot holds the numbers of a batch, (batch, width), or their gradient; slot 0 is the net's input. All
threads run one list (program.pyx), and meet where an instruction reads or writes what another
thread may have had a part in since the last meeting. Where that is follows from the splits
(step/meetings.py), which stand beside each instruction:

    rows        of the batch: a thread has rows turn.first ... turn.end - 1
    columns n   of a row, or of a parameter, in groups of n: a thread has those of `columns_of`,
                the last thread a single one
    thread      what each thread has alone
    all         any thread may have any part

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
    # What is learned: an array, and its optimiser's rule, state and number among all.
    void *w
    Py_ssize_t size
    Py_ssize_t number
    void *rule  # NULL: it is not learned
    void *s[3]  # NULL: not kept
    void *gradient  # as a whole; NULL where only parts of it are ever there
    void *packed  # W in panels (gemm.pxd), and its state; or NULL
    void *packed_s[3]


cdef struct Data:
    # The data set, what is wanted of its rows, and their order.
    Py_ssize_t rows
    Py_ssize_t batch
    Py_ssize_t width
    const uint8_t *pixels  # or NULL
    const void *numbers
    size_t itemsize  # of a number in slot 0
    const int64_t *order  # NULL: as they come
    Loss loss


cdef struct Turn:
    # One thread's part in one step: n rows of the order from `start` on, of which rows first ...
    # end - 1 of the batch are its own.
    Py_ssize_t step
    Py_ssize_t place  # in its group of batches, for which the optimiser steps once,
    bint ends_group  # and whether it is the last one of it
    Py_ssize_t start
    Py_ssize_t n
    Py_ssize_t first
    Py_ssize_t end
    int thread
    int threads
    const Data *data
    void **slots
    const void *input  # slot 0: in a slot's memory, or where the batch lies in the data set
    Parameter *parameters
    const double *coefficients  # of the rules, for the next update: (parameters, columns)
    Py_ssize_t columns
    double *row_losses  # of the batch
    double *losses  # of all steps
    double *squares  # of all steps: the sum of all W² before; or NULL
    void *outputs  # of all rows, where they are wanted


ctypedef void (*Run)(const void *it, const Turn *turn, void *scratch) noexcept nogil

ctypedef int (*Read)(void *it, dict given, size_t itemsize, list kept) except -1

cdef struct Kind:
    # A kind of instruction: how large its struct is, what fills it, and what runs it.
    size_t size
    Read read
    Run run_float
    Run run_double


cdef inline tuple instruction(
    size_t size, Read read, Run run_float, Run run_double, dict reads, dict writes
):
    """As the Python side hands it on, with the split under which it reads and writes what its
    arguments name."""
    cdef Kind *kind = <Kind *> malloc(sizeof(Kind))  # for as long as its module is there
    if kind == NULL:
        raise MemoryError
    kind[0] = Kind(size, read, run_float, run_double)
    return PyCapsule_New(kind, "minidl instruction", NULL), reads, writes


cdef inline void *at(const Turn *turn, Py_ssize_t slot) noexcept nogil:
    """Where the numbers of a slot are."""
    return <void *> turn.input if slot == 0 else turn.slots[slot]


cdef struct Columns:
    Py_ssize_t first
    Py_ssize_t end


cdef inline Columns columns_of(const Turn *turn, Py_ssize_t width, Py_ssize_t group) noexcept nogil:
    """This thread's columns of `width`: whole groups of them."""
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
    """The data set's row that comes as number i."""
    return i if data.order == NULL else data.order[i]
