"""Instructions on parameters whose whole gradient is in memory."""

from minidl._kernels.instruction cimport (
    Columns, Parameter, Run, Turn, columns_of, instruction, update)
from minidl._kernels.ndarray cimport address
from minidl._kernels.scalar cimport real

INSTRUCTIONS = {}


# ---- The optimiser's rule --------------------------------------------------------------------

cdef struct Update:
    Py_ssize_t parameter
    Py_ssize_t group


cdef int read_update(void *it, dict given, size_t itemsize, list kept) except -1:
    (<Update *> it).parameter, (<Update *> it).group = given["parameter"], given["group"]
    return 0


cdef void run_update(const Update *it, const Turn *turn, real *scratch) noexcept nogil:
    """The rule for this thread's elements."""
    cdef const Parameter *parameter = &turn.parameters[it.parameter]
    cdef Columns own = columns_of(turn, parameter.size, it.group)
    if parameter.rule != NULL and own.first < own.end:
        update(parameter, <real *> parameter.w, parameter.s, own.first, own.end - own.first,
               <const real *> parameter.gradient + own.first, turn)


INSTRUCTIONS["update"] = instruction(
    sizeof(Update), read_update, <Run> run_update[float], <Run> run_update[double],
    reads={"parameter.gradient": "columns {group}"}, writes={"parameter": "columns {group}"})


# ---- A gradient in memory of its own: of one of several uses, or found on the way back -----------

cdef struct Aside:
    Py_ssize_t parameter
    Py_ssize_t group
    void *memory


cdef int read_aside(void *it, dict given, size_t itemsize, list kept) except -1:
    cdef Aside *aside = <Aside *> it
    aside.parameter, aside.group = given["parameter"], given["group"]
    aside.memory = address(given["memory"], kept, True)
    return 0


cdef inline void put(
    const Aside *it, const Turn *turn, const real *x, real *y, real factor, bint adds
) noexcept nogil:
    """y = factor · x, or y + factor · x, for this thread's elements."""
    cdef Columns own = columns_of(turn, turn.parameters[it.parameter].size, it.group)
    cdef Py_ssize_t i
    if adds:
        for i in range(own.first, own.end):
            y[i] += factor * x[i]
    else:
        for i in range(own.first, own.end):
            y[i] = factor * x[i]


cdef inline real *gradient_of(const Aside *it, const Turn *turn, const real *_) noexcept nogil:
    return <real *> turn.parameters[it.parameter].gradient


cdef void put_aside(const Aside *it, const Turn *turn, real *scratch) noexcept nogil:
    """memory = gradient."""
    put(it, turn, <const real *> gradient_of(it, turn, scratch), <real *> it.memory, <real> 1,
        False)


cdef void take_back(const Aside *it, const Turn *turn, real *scratch) noexcept nogil:
    """gradient = memory."""
    put(it, turn, <const real *> it.memory, gradient_of(it, turn, scratch), <real> 1, False)


cdef void add_aside(const Aside *it, const Turn *turn, real *scratch) noexcept nogil:
    """gradient = gradient + memory."""
    put(it, turn, <const real *> it.memory, gradient_of(it, turn, scratch), <real> 1, True)


cdef void add_to_sum(const Aside *it, const Turn *turn, real *scratch) noexcept nogil:
    """memory = gradient for a group's first batch, else memory + gradient."""
    put(it, turn, <const real *> gradient_of(it, turn, scratch), <real *> it.memory, <real> 1,
        turn.place > 0)


cdef void mean_of_sum(const Aside *it, const Turn *turn, real *scratch) noexcept nogil:
    """gradient = memory / the number of batches."""
    put(it, turn, <const real *> it.memory, gradient_of(it, turn, scratch),
        <real> (1.0 / (turn.place + 1)), False)


INSTRUCTIONS["put gradient aside"] = instruction(
    sizeof(Aside), read_aside, <Run> put_aside[float], <Run> put_aside[double],
    reads={"parameter.gradient": "columns {group}"}, writes={"memory": "columns {group}"})
INSTRUCTIONS["take gradient"] = instruction(
    sizeof(Aside), read_aside, <Run> take_back[float], <Run> take_back[double],
    reads={"memory": "columns {group}"}, writes={"parameter.gradient": "columns {group}"})
INSTRUCTIONS["add gradient"] = instruction(
    sizeof(Aside), read_aside, <Run> add_aside[float], <Run> add_aside[double],
    reads={"memory": "columns {group}"}, writes={"parameter.gradient": "columns {group}"})
INSTRUCTIONS["add to sum"] = instruction(
    sizeof(Aside), read_aside, <Run> add_to_sum[float], <Run> add_to_sum[double],
    reads={"parameter.gradient": "columns {group}"}, writes={"memory": "columns {group}"})
INSTRUCTIONS["mean of sum"] = instruction(
    sizeof(Aside), read_aside, <Run> mean_of_sum[float], <Run> mean_of_sum[double],
    reads={"memory": "columns {group}"}, writes={"parameter.gradient": "columns {group}"})
