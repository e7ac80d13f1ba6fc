# The C types of operation.py, where it is compiled.

cimport cython

from minidl._kernels.ndarray cimport alike
from minidl.engine.recording cimport recording
from minidl.engine.tape cimport Kept, Memory, Node, kept, new_node
from minidl.engine.tensor.base cimport Base, origin, result_of


cdef class Operation:
    cdef public str name
    cdef public object forward, parts, kernel, recorded
    cdef public tuple formulas, reads, reads_of_parts, keeps

    cpdef gradients(self, Node node, dy, bint create_graph)
    cpdef gradient(self, Node node, dy, Py_ssize_t i, bint create_graph)


@cython.locals(value=Kept)
cpdef as_recorded(Node node, Py_ssize_t place)


cpdef fitted(Node node, Py_ssize_t i, dx, dy)


@cython.locals(result=Base, x=Base, is_wanted=bint, is_plain=bint, edges=tuple)
cpdef record(Operation operation, data, tuple inputs, dict options=*, Base view_of=*, keeps=*)


cdef edge_of(Base x)


@cython.locals(values=list, places=tuple, place=Py_ssize_t, i=Py_ssize_t, x=Base)
cdef list kept_by(Operation operation, tuple inputs, Base result, keeps)
