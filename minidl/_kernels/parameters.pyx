"""Instructions on parameters whose gradients are there as a whole."""

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


cdef void put_aside(const Aside *it, const Turn *turn, real *scratch) noexcept nogil:
    """memory = gradient, this thread's elements."""
    cdef const Parameter *parameter = &turn.parameters[it.parameter]
    cdef Columns own = columns_of(turn, parameter.size, it.group)
    cdef Py_ssize_t i
    for i in range(own.first, own.end):
        (<real *> it.memory)[i] = (<const real *> parameter.gradient)[i]


cdef void take_back(const Aside *it, const Turn *turn, real *scratch) noexcept nogil:
    """gradient = memory, this thread's elements."""
    cdef const Parameter *parameter = &turn.parameters[it.parameter]
    cdef Columns own = columns_of(turn, parameter.size, it.group)
    cdef Py_ssize_t i
    for i in range(own.first, own.end):
        (<real *> parameter.gradient)[i] = (<const real *> it.memory)[i]


cdef void add_aside(const Aside *it, const Turn *turn, real *scratch) noexcept nogil:
    """gradient = memory + gradient, this thread's elements."""
    cdef const Parameter *parameter = &turn.parameters[it.parameter]
    cdef Columns own = columns_of(turn, parameter.size, it.group)
    cdef Py_ssize_t i
    for i in range(own.first, own.end):
        (<real *> parameter.gradient)[i] += (<const real *> it.memory)[i]


cdef void add_to_sum(const Aside *it, const Turn *turn, real *scratch) noexcept nogil:
    """memory = gradient for a group's first batch, else memory + gradient; this thread's part."""
    cdef const Parameter *parameter = &turn.parameters[it.parameter]
    cdef Columns own = columns_of(turn, parameter.size, it.group)
    cdef real *memory = <real *> it.memory
    cdef const real *gradient = <const real *> parameter.gradient
    cdef Py_ssize_t i
    if turn.place == 0:
        put_aside(it, turn, scratch)
        return
    for i in range(own.first, own.end):
        memory[i] += gradient[i]


cdef void mean_of_sum(const Aside *it, const Turn *turn, real *scratch) noexcept nogil:
    """gradient = memory / the number of batches, this thread's elements."""
    cdef const Parameter *parameter = &turn.parameters[it.parameter]
    cdef Columns own = columns_of(turn, parameter.size, it.group)
    cdef real factor = <real> (1.0 / (turn.place + 1))
    cdef Py_ssize_t i
    for i in range(own.first, own.end):
        (<real *> parameter.gradient)[i] = (<const real *> it.memory)[i] * factor


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
