"""Many training steps of a net of dense layers in one call: rows gathered, forward, loss, backward
and the weights updated, batch after batch. And its outputs for many rows.

Every thread runs the same program on a share of its own (team.pxd, layer.pxd). A net of two layers
meets four times a step. All sums are those of the kernels that work alone, in the same order, so
the bits are theirs too.
"""

from cpython.object cimport PyObject_GenericSetAttr
from cython.parallel cimport parallel
from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from minidl._kernels.address cimport address
from minidl._kernels.gemm cimport Plan, panels_of, plan
from minidl._kernels.layer cimport (
    FRESH, NARROW, Layer, Parameter, backward_rows, backward_to_input, forward, move_layer,
    note_fired, spread_learned, square_rows, update_bias, update_learned, update_narrow,
    update_wide)
from minidl._kernels.losses cimport divisor_of, in_order, read_loss, row_loss
from minidl._kernels.meeting cimport Meeting, begin, meet
from minidl._kernels.rows cimport backward_function, forward_function, learned_function
from minidl._kernels.scalar cimport real
from minidl._kernels.squares cimport MOST_LANES, add_squares, taken
from minidl._kernels.team cimport (
    Data, Turn, gather_rows, omp_get_num_threads, omp_get_thread_num, row_of, turn_of)
from minidl._kernels.tile cimport TILE_SUMS, lanes_of, pieces
from minidl._kernels.update cimport rule_function


cdef struct Net:
    Layer *layers
    Py_ssize_t depth
    Meeting meeting
    Py_ssize_t scratch_size  # numbers that a thread has room for


cdef struct Steps:
    Py_ssize_t count
    const double *numbers  # (count, parameters, columns): the optimiser's, for each step
    Py_ssize_t parameters
    Py_ssize_t columns
    double *losses
    double *squares  # the sum of all W² before each step; or NULL


# ---- The program of a thread --------------------------------------------------------------------

cdef inline const real *input_of(Net *net, const real *batch, Py_ssize_t k) noexcept nogil:
    return <const real *> net.layers[k - 1].dropped if k > 0 else batch


cdef inline void forward_layers(Net *net, const real *batch, Turn turn) noexcept nogil:
    cdef Py_ssize_t k
    for k in range(net.depth):
        forward(&net.layers[k], input_of(net, batch, k), turn)


cdef inline void loss_rows(
    Net *net, Data *data, Turn turn, const real *y, double *scratch
) noexcept nogil:
    """The loss of each row, and its gradient."""
    cdef Py_ssize_t i
    cdef Layer *last = &net.layers[net.depth - 1]
    cdef double divisor = divisor_of(&data.loss, data.order, turn.start, turn.n)
    for i in range(turn.first, turn.end):
        row_loss(&data.loss, row_of(data, turn.start + i), y + i * last.units, divisor, scratch,
                 <real *> last.dy + i * last.units, last.units)
        data.losses[i] = in_order(scratch, data.loss.per_row)


cdef void train_step(
    Net *net, Data *data, Turn turn, Steps *steps, real *scratch
) noexcept nogil:
    cdef Py_ssize_t k, last = net.depth - 1
    cdef const real *x
    cdef Py_ssize_t columns = steps.columns
    cdef const double *numbers = steps.numbers + turn.step * steps.parameters * columns
    cdef const real *batch = gather_rows(data, turn, net.layers[0].inputs, <real *> data.x)
    cdef Layer *layer
    cdef Data *fetching
    if steps.squares != NULL:
        for k in range(net.depth):
            square_rows(&net.layers[k], turn, <const real *> scratch)
    forward_layers(net, batch, turn)
    # dW's room, TILE_SUMS numbers for an output, has yet to be used, and begins on a cache line.
    loss_rows(net, data, turn, <const real *> net.layers[last].dropped, <double *> scratch)
    for k in range(last, -1, -1):
        layer = &net.layers[k]
        if layer.fired != NULL:
            note_fired(layer, turn, scratch)
        backward_rows(layer, turn, <real *> layer.dy)
        if k > 0:
            backward_to_input(layer, <real *> net.layers[k - 1].dy, turn)
    meet(turn.meeting, turn.thread)
    if turn.thread == 0:
        steps.losses[turn.step] = in_order(data.losses, turn.n)
        if steps.squares != NULL:
            steps.squares[turn.step] = 0
            for k in range(net.depth):
                steps.squares[turn.step] += in_order(net.layers[k].squares, net.layers[k].inputs)
    for k in range(net.depth):
        layer = &net.layers[k]
        x = input_of(net, batch, k)
        if layer.W.rule != NULL and layer.packed == NULL:
            update_narrow(layer, x, turn, numbers, columns, scratch)
        elif layer.W.rule != NULL:
            fetching = data if k == 0 else NULL
            update_wide(layer, x, turn, numbers, columns, scratch,
                        scratch + FRESH + TILE_SUMS * layer.outputs, k > 0, fetching)
        update_bias(layer, turn, numbers, columns, scratch)
        update_learned(layer, turn, numbers, columns, scratch)
    meet(turn.meeting, turn.thread)


cdef inline bint begins(Net *net, Turn turn, int *team, const real *like) noexcept nogil:
    """Every W into panels. A team smaller than was asked for does nothing but say so; `team` is
    told how many there are."""
    cdef Py_ssize_t k
    if turn.thread == 0:
        team[0] = omp_get_num_threads()
    if omp_get_num_threads() != net.meeting.threads:
        return False
    for k in range(net.depth):
        move_layer(&net.layers[k], turn, True, like)
        if turn.thread == 0:
            spread_learned(&net.layers[k], like)
    meet(turn.meeting, turn.thread)
    return True


cdef void train_thread(
    Net *net, Data *data, Steps *steps, real *scratch, int *team
) noexcept nogil:
    """All steps."""
    cdef int thread = omp_get_thread_num()
    cdef Py_ssize_t i, k
    cdef Turn turn = turn_of(data, 0, thread, &net.meeting)
    if not begins(net, turn, team, <const real *> scratch):
        return
    for i in range(steps.count):
        turn = turn_of(data, i, thread, &net.meeting)
        train_step(net, data, turn, steps, scratch + thread * net.scratch_size)
    for k in range(net.depth):
        move_layer(&net.layers[k], turn, False, <const real *> scratch)


cdef void predict_thread(Net *net, Data *data, real *y, int *team) noexcept nogil:
    """The outputs for all rows, a batch at a time."""
    cdef int thread = omp_get_thread_num()
    cdef Py_ssize_t step
    cdef Layer *last = &net.layers[net.depth - 1]
    cdef Turn turn = turn_of(data, 0, thread, &net.meeting)
    if not begins(net, turn, team, <const real *> y):
        return
    for step in range(pieces(data.rows, data.batch)):
        turn = turn_of(data, step, thread, &net.meeting)
        forward_layers(
            net, <const real *> gather_rows(data, turn, net.layers[0].inputs, <real *> data.x),
            turn)
        memcpy(y + (turn.start + turn.first) * last.units,
               <const real *> last.dropped + turn.first * last.units,
               (turn.end - turn.first) * last.units * sizeof(real))
        meet(turn.meeting, turn.thread)  # of a shorter batch, other rows are this thread's


# ---- From Python ---------------------------------------------------------------------------------

cdef int read_parameter(
    Parameter *parameter, object source, size_t itemsize, list kept
) except -1:
    """From (array, rule or None, number, three states or None); or None: there is none."""
    cdef int i
    if source is None:
        return 0
    array, rule, number, states = source
    parameter.w = address(array, kept, rule is not None)
    parameter.size = array.size
    parameter.number = number
    parameter.rule = NULL if rule is None else rule_function(rule, itemsize)
    for i in range(3):
        parameter.s[i] = NULL if rule is None else address(states[i], kept, True)
    return 0


cdef int read_layer(
    Layer *layer, object source, Py_ssize_t batch, size_t itemsize, int threads, list kept
) except -1:
    """From a Room of minidl/step/fused.py."""
    cdef Plan cut
    cdef int i
    layer.inputs, layer.outputs = source.W[0].shape
    layer.units = source.y.shape[1]
    read_parameter(&layer.W, source.W, itemsize, kept)
    read_parameter(&layer.b, source.b, itemsize, kept)
    read_parameter(&layer.learned, source.learned, itemsize, kept)
    layer.keeps_y = source.keeps_y
    if source.forward is not None:
        layer.f = forward_function(source.forward, itemsize)
        layer.df = backward_function(source.backward, itemsize)
    if source.learned is not None:
        layer.dlearned = learned_function(source.learned_gradient, itemsize)
    layer.options = <const double *> address(source.options, kept)
    layer.slopes = address(source.slopes, kept, True)
    layer.z, layer.y = address(source.z, kept, True), address(source.y, kept, True)
    layer.dy, layer.dz = address(source.dy, kept, True), address(source.dz, kept, True)
    layer.dropped = address(source.dropped, kept, True)
    layer.fired = address(source.fired, kept, True)
    layer.ones = address(source.ones, kept)
    layer.squares = <double *> address(source.squares, kept, True)
    layer.drops = source.mask is not None
    if layer.drops:
        layer.mask.seed, layer.mask.step, layer.mask.last, layer.mask.scale = source.mask
    layer.packed = address(source.packed, kept, True)
    if layer.packed != NULL:
        cut = plan(batch, layer.outputs, itemsize, threads)
        layer.across = cut.across
        layer.at = panels_of(layer.inputs, layer.outputs, cut.across, itemsize)
        for i in range(3):
            layer.packed_s[i] = NULL  # as where the rule keeps no such state
            if layer.W.s[i] != NULL:
                layer.packed_s[i] = address(source.packed_states[i], kept, True)
    return 0


def squares(const real[:, ::1] W):
    """The sum of W², as the steps of a program find it."""
    cdef double sums[MOST_LANES]
    cdef Py_ssize_t i
    cdef double total = 0
    for i in range(MOST_LANES):
        sums[i] = 0
    for i in range(W.shape[0]):
        add_squares(&W[i, 0], W.shape[1], sums)
        total += taken(sums, sizeof(real))
    return total


def is_wide(Py_ssize_t outputs):
    """Whether a layer of so many outputs wants room for its packed weights."""
    return outputs > NARROW


def packed_numbers(Py_ssize_t inputs, Py_ssize_t outputs, size_t itemsize):
    """The numbers that W takes when it is packed."""
    return inputs * pieces(outputs, lanes_of(itemsize)) * lanes_of(itemsize)


def scratch_numbers(Py_ssize_t batch, Py_ssize_t outputs, size_t itemsize):
    """The numbers that a thread needs room for, for a layer of so many outputs."""
    return FRESH + TILE_SUMS * outputs + packed_numbers(batch, outputs, itemsize)


cdef class Program:
    """A net as its threads see it, for batches of one size. It is kept from call to call, so that a
    call costs little more than its work.

    batch_x (batch, inputs) is room to work in; so are, for training, batch_losses (batch,) and
    scratch (threads, scratch_numbers).
    """

    cdef Net net
    cdef Data data
    cdef size_t itemsize
    cdef void *scratch
    cdef list room  # what the addresses lead to
    cdef list kept

    def __cinit__(self, Py_ssize_t depth, batch_x, batch_losses=None, scratch=None):
        self.room, self.kept = [], []
        self.itemsize = batch_x.itemsize
        self.data.batch = batch_x.shape[0]
        self.data.x = address(batch_x, self.room, True)
        self.data.losses = <double *> address(batch_losses, self.room, True)
        self.scratch = address(scratch, self.room, True)
        self.net.scratch_size = 0 if scratch is None else scratch.shape[1]
        self.net.depth = depth
        self.net.layers = <Layer *> calloc(depth, sizeof(Layer))
        if self.net.layers == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.net.layers)

    def read(self, list rooms, int threads):
        """Takes in what each Room says of its layer now; from then on so many threads are used."""
        cdef list kept = self.kept
        cdef Py_ssize_t k, batch = self.data.batch, before = len(kept)
        for k in range(self.net.depth):
            source = rooms[k]
            read_layer(&self.net.layers[k], source, batch, self.itemsize, threads, kept)
        del kept[:before]
        self.net.meeting.threads = threads

    cdef int read_data(self, x, order, list kept) except -1:
        cdef bint are_pixels = x.dtype.itemsize == 1
        cdef void *rows = address(x, kept)
        self.data.pixels = <const uint8_t *> rows if are_pixels else NULL
        self.data.numbers = rows
        self.data.order = <const int64_t *> address(order, kept)
        self.data.rows = len(x if order is None else order)
        return 0

    def train(self, x, order, loss, numbers, losses, squares, list changes):
        """Trains on the rows of x in this order (None: as they come), a batch at a time:
        len(losses) steps.

        x (n, inputs) holds uint8 pixels or numbers of the layers' dtype; `loss` is a RowLoss of its
        n rows; numbers float64 (steps, parameters, k) are the rule's for each step. Puts the mean
        loss of every batch into `losses`, float64, and the sum of all W² before it into
        `squares`, float64, or nothing if that is None; changes the layers' parameters and their
        state; then makes the `changes` (object, name, value) of what else goes on with the steps:
        to attributes, without a class's own __setattr__, and to items of dicts. That runs no
        Python, which looks for a signal only later, so Ctrl-C cannot come between. Returns how
        many threads OpenMP gave: if these are fewer than were asked for, nothing was done.
        """
        cdef list kept = []
        cdef Steps steps
        cdef int team = 0
        self.read_data(x, order, kept)
        read_loss(&self.data.loss, loss, self.itemsize, kept)
        steps.count = len(losses)
        steps.losses = <double *> address(losses, kept, True)
        steps.squares = <double *> address(squares, kept, True)
        steps.numbers = <const double *> address(numbers, kept)
        _, steps.parameters, steps.columns = numbers.shape
        if self.itemsize == 4:
            run_training(&self.net, &self.data, &steps, <float *> self.scratch, &team)
        else:
            run_training(&self.net, &self.data, &steps, <double *> self.scratch, &team)
        if team == self.net.meeting.threads:
            for owner, name, value in changes:
                if type(owner) is dict:
                    (<dict> owner)[name] = value
                else:
                    PyObject_GenericSetAttr(owner, name, value)
        return team

    def predict(self, x, y):
        """y (n, outputs) = the net's outputs for the rows of x, which is as in `train`. Returns how
        many threads OpenMP gave: if these are fewer than were asked for, nothing was done."""
        cdef list kept = []
        cdef void *outputs = address(y, kept, True)
        cdef int team = 0
        self.read_data(x, None, kept)
        if self.itemsize == 4:
            run_prediction(&self.net, &self.data, <float *> outputs, &team)
        else:
            run_prediction(&self.net, &self.data, <double *> outputs, &team)
        return team


cdef void run_training(Net *net, Data *data, Steps *steps, real *scratch, int *team):
    begin(&net.meeting, net.meeting.threads)
    if net.meeting.threads == 1:
        with nogil:
            train_thread(net, data, steps, scratch, team)
    else:
        with nogil, parallel(num_threads=net.meeting.threads):
            train_thread(net, data, steps, scratch, team)


cdef void run_prediction(Net *net, Data *data, real *y, int *team):
    begin(&net.meeting, net.meeting.threads)
    if net.meeting.threads == 1:
        with nogil:
            predict_thread(net, data, y, team)
    else:
        with nogil, parallel(num_threads=net.meeting.threads):
            predict_thread(net, data, y, team)
