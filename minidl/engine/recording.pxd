# The C types of recording.py, where it is compiled.

cdef long _no_grad_blocks


cpdef bint recording()
