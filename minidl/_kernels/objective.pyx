"""The loss of a batch's outputs, as an instruction. The losses are in losses.pyx, softmax.pyx."""

from minidl._kernels.instruction cimport Data, Run, Turn, at, instruction, row_of
from minidl._kernels.losses cimport divisor_of, in_order, row_loss
from minidl._kernels.scalar cimport real

INSTRUCTIONS = {}


cdef struct OfOutputs:
    Py_ssize_t y
    Py_ssize_t dy
    Py_ssize_t width


cdef int read_of_outputs(void *it, dict given, size_t itemsize, list kept) except -1:
    cdef OfOutputs *loss = <OfOutputs *> it
    loss.y, loss.dy, loss.width = given["y"], given["dy"], given["width"]
    return 0


cdef void run_loss(const OfOutputs *it, const Turn *turn, real *scratch) noexcept nogil:
    """The loss of each of this thread's rows, and its gradient."""
    cdef const Data *data = turn.data
    cdef const real *y = <const real *> at(turn, it.y)
    cdef real *dy = <real *> at(turn, it.dy)
    cdef double *losses = <double *> scratch
    cdef double divisor = divisor_of(&data.loss, data.order, turn.start, turn.n)
    cdef Py_ssize_t i
    for i in range(turn.first, turn.end):
        row_loss(&data.loss, row_of(data, turn.start + i), y + i * it.width, divisor, losses,
                 dy + i * it.width, it.width)
        turn.row_losses[i] = in_order(losses, data.loss.per_row)


cdef void run_total(const OfOutputs *it, const Turn *turn, real *scratch) noexcept nogil:
    """The batch's loss: the sum of its rows' losses, in order."""
    if turn.thread == turn.threads - 1:
        turn.losses[turn.step] = in_order(turn.row_losses, turn.n)


INSTRUCTIONS["loss"] = instruction(
    sizeof(OfOutputs), read_of_outputs, <Run> run_loss[float], <Run> run_loss[double],
    reads={"y": "rows"}, writes={"dy": "rows", "row losses": "rows"})
INSTRUCTIONS["total loss"] = instruction(
    sizeof(OfOutputs), read_of_outputs, <Run> run_total[float], <Run> run_total[double],
    reads={"row losses": "all"}, writes={})
