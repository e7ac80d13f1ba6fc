# The C types of tape.py, where it is compiled.

cimport cython

cdef long _nodes_made


@cython.freelist(64)
cdef class Memory:
    cdef public long writes, recorded_writes, last_writer
    cdef public bint is_parameter, was_stepped


@cython.freelist(64)
@cython.no_gc
cdef class Kept:
    cdef public object array
    cdef public Memory memory
    cdef public long writes
    cdef public bint is_read


@cython.freelist(64)
cdef class Node:
    cdef public object operation, hooks, retaining
    cdef public tuple inputs, likes
    cdef public list kept
    cdef public dict options
    cdef public long age
    cdef public bint is_released

    @cython.locals(value=Kept)
    cpdef check(self, bint create_graph)


cdef class Part:
    cdef public object dy, index, zeros

    cpdef added_to(self, total)


@cython.locals(value=Kept)
cpdef Kept kept(array, Memory memory, bint is_read)


@cython.locals(node=Node)
cpdef Node new_node(operation, tuple inputs, tuple likes, list kept, dict options)


@cython.locals(node=Node)
cpdef tuple walk(outputs, dict targets, bint create_graph)


cpdef add_up(
    dict received, set borrowed, list waiting, source, dx, bint is_borrowed, bint create_graph)
