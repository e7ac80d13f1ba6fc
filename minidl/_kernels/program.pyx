"""Runs a list of instructions (instruction.pxd) on one batch after the other, in one call.

Every thread goes through the same list with its own share, and waits for the others only where an
instruction `meets`. The list of a training step is: gather rows, forward, loss, backward, updates.
A net of two layers meets four times a step.
"""

from cpython.object cimport PyObject_GenericSetAttr
from cpython.pycapsule cimport PyCapsule_GetPointer
from cython.parallel cimport parallel
from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from minidl._kernels.instruction cimport Data, Kind, Parameter, Run, Turn
from minidl._kernels.losses cimport Loss, read_loss
from minidl._kernels.meeting cimport Meeting, begin, meet
from minidl._kernels.ndarray cimport address
from minidl._kernels.team cimport omp_get_num_threads, omp_get_thread_num, share
from minidl._kernels.tile cimport pieces
from minidl._kernels.update cimport rule_function


cdef struct Instruction:
    Run run
    void *it
    bint meets  # whether all threads meet before it


cdef struct Call:
    # The data of one call.
    Data data
    Py_ssize_t steps
    const double *coefficients  # (groups, parameters, columns): the rules'
    Py_ssize_t parameters
    Py_ssize_t columns
    double *losses
    double *squares
    void *outputs
    bint is_in_place  # whether the batches are read where they lie


cdef class _Instructions:
    """Instructions in their order: each a tuple (capsule, arguments, meets). Those from number
    `updates` on run only for the last batch of a group."""

    cdef Instruction *instructions
    cdef Py_ssize_t count
    cdef Py_ssize_t updates
    cdef list given
    cdef list kept
    cdef size_t itemsize

    def __cinit__(self, list given, size_t itemsize, Py_ssize_t updates):
        cdef Py_ssize_t i
        cdef Kind *kind
        self.updates = updates
        self.given, self.kept, self.itemsize = given, [[] for _ in given], itemsize
        self.count = len(given)
        self.instructions = <Instruction *> calloc(max(self.count, 1), sizeof(Instruction))
        if self.instructions == NULL:
            raise MemoryError
        for i in range(self.count):
            capsule, _, meets = given[i]
            kind = kind_of(capsule)
            self.instructions[i].run = kind.run_float if itemsize == 4 else kind.run_double
            self.instructions[i].meets = meets
            self.instructions[i].it = calloc(1, kind.size)
            if self.instructions[i].it == NULL:
                raise MemoryError
            self.read(i)

    def __dealloc__(self):
        cdef Py_ssize_t i
        for i in range(self.count if self.instructions != NULL else 0):
            free(self.instructions[i].it)
        free(self.instructions)

    cdef int read(self, Py_ssize_t i) except -1:
        """Reads the present arguments of instruction i."""
        cdef list kept = []
        cdef void *it = self.instructions[i].it
        cdef Kind *kind
        capsule, arguments, _ = self.given[i]
        kind = kind_of(capsule)
        kind.read(it, arguments, self.itemsize, kept)
        self.kept[i] = kept
        return 0

    cdef inline Py_ssize_t count_for(self, bint ends_group) noexcept nogil:
        """How many instructions run."""
        return self.count if ends_group else self.updates

    cdef inline void run(self, Turn *turn, Meeting *meeting, void *scratch) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(self.count_for(turn.ends_group)):
            if self.instructions[i].meets:
                meet(meeting, turn.thread)
            self.instructions[i].run(self.instructions[i].it, turn, scratch)

    cdef inline Py_ssize_t end_of_part(self, Py_ssize_t first) noexcept nogil:
        """The next instruction that meets."""
        cdef Py_ssize_t i = first + 1
        while i < self.count and not self.instructions[i].meets:
            i += 1
        return min(i, self.count)


cdef inline Kind *kind_of(object capsule) except NULL:
    return <Kind *> PyCapsule_GetPointer(capsule, "minidl instruction")


cdef class Program:
    """Lists of instructions (before the first step, for each step, after the last) and the memory
    that they work in. It is kept from call to call, so that a call costs little more than its work.

    `slots` are arrays (batch, width), slot 0 for the input; `scratch` (threads, n) is room for each
    thread; `row_losses` (batch,) is for training. `group` batches make a group: each step's
    instructions from number `updates` on run once for it.
    """

    cdef _Instructions first
    cdef _Instructions each
    cdef _Instructions last
    cdef Meeting meeting
    cdef int threads
    cdef public bint is_ready  # whether the list before the first step has run
    cdef public int order  # 0; for tests, by one thread: 1 the first one's part first, -1 last
    cdef void **slots
    cdef Parameter *parameters
    cdef Py_ssize_t batch
    cdef Py_ssize_t group
    cdef Py_ssize_t parameter_count
    cdef size_t itemsize
    cdef char *scratch
    cdef size_t scratch_bytes  # of a thread
    cdef double *row_losses
    cdef list room  # keeps the arrays behind the addresses alive
    cdef list kept

    def __cinit__(
        self, list first, list each, list last, list slots, Py_ssize_t parameters, scratch,
        row_losses, Py_ssize_t batch, Py_ssize_t updates, Py_ssize_t group
    ):
        cdef Py_ssize_t i
        self.room, self.kept = [], []
        self.itemsize, self.batch, self.group = scratch.itemsize, batch, group
        self.first = _Instructions(first, self.itemsize, len(first))
        self.each = _Instructions(each, self.itemsize, updates)
        self.last = _Instructions(last, self.itemsize, len(last))
        self.scratch = <char *> address(scratch, self.room, True)
        self.scratch_bytes = scratch.strides[0]
        self.row_losses = <double *> address(row_losses, self.room, True)
        self.parameter_count = parameters
        self.slots = <void **> calloc(len(slots), sizeof(void *))
        self.parameters = <Parameter *> calloc(max(parameters, 1), sizeof(Parameter))
        if self.slots == NULL or self.parameters == NULL:
            raise MemoryError
        for i in range(len(slots)):
            self.slots[i] = address(slots[i], self.room, True)

    def __dealloc__(self):
        free(self.slots)
        free(self.parameters)

    def read(self, list parameters, int threads):
        """Reads where each parameter is and how it is updated: (array, rule or None, number, three
        states or None, gradient or None, packed or None, three packed states or None). From now on
        `threads` threads are used."""
        cdef list kept = []
        cdef Py_ssize_t k
        for k in range(self.parameter_count):
            read_parameter(&self.parameters[k], parameters[k], self.itemsize, kept)
        self.kept = kept
        self.threads = threads

    def read_again(self, list numbers):
        """Reads the present arguments of the step's instructions with these numbers."""
        for i in numbers:
            self.each.read(<Py_ssize_t> i)

    cdef int read_data(self, Call *call, x, order, list kept) except -1:
        cdef bint are_pixels = x.dtype.itemsize == 1
        cdef void *rows = address(x, kept)
        call.data.pixels = <const uint8_t *> rows if are_pixels else NULL
        call.data.numbers = rows
        call.data.itemsize = self.itemsize if are_pixels else x.itemsize
        call.data.order = <const int64_t *> address(order, kept)
        call.data.rows, call.data.width = len(x if order is None else order), x.shape[1]
        call.data.batch = self.batch
        call.is_in_place = order is None and not are_pixels
        return 0

    def train(self, x, order, loss, coefficients, losses, squares, list changes):
        """Trains on the rows of x in this order (None: the order of memory), a batch at a time:
        len(losses) steps.

        x (n, width) holds uint8 pixels or the numbers of slot 0; `loss` is a RowLoss of its n rows,
        or None for a list without a loss; coefficients float64 (groups, parameters, k) are the
        rules' for each group. Writes the loss of every batch to `losses`, float64, and adds the sum
        of all W² before it to `squares`, float64 zeros or None; changes the parameters and their
        state; then makes the `changes` (object, name, value) of everything else that the steps
        change: of attributes, without a class's own __setattr__, and of items of dicts. No Python
        runs for that, and Python looks for signals only later, so Ctrl-C cannot interrupt it.
        Returns how many threads OpenMP gave: if they are fewer than requested, nothing is done.
        """
        cdef list kept = []
        cdef Call call
        cdef int team
        self.read_data(&call, x, order, kept)
        if loss is None:  # the caller has computed it
            memset(&call.data.loss, 0, sizeof(Loss))
        else:
            read_loss(&call.data.loss, loss, self.itemsize, kept)
        call.steps, call.outputs = len(losses), NULL
        call.losses = <double *> address(losses, kept, True)
        call.squares = <double *> address(squares, kept, True)
        call.coefficients = <const double *> address(coefficients, kept)
        _, call.parameters, call.columns = coefficients.shape
        team = self.run(&call)
        if team == self.threads:
            for owner, name, value in changes:
                if type(owner) is dict:
                    (<dict> owner)[name] = value
                else:
                    PyObject_GenericSetAttr(owner, name, value)
        return team

    def predict(self, x, y):
        """y (n, outputs) = the outputs of the list for the rows of x, in the order of memory.
        Returns the same as `train`."""
        cdef list kept = []
        cdef Call call
        self.read_data(&call, x, None, kept)
        call.steps = pieces(call.data.rows, self.batch)
        call.outputs = address(y, kept, True)
        call.losses = call.squares = NULL
        call.coefficients = NULL
        call.parameters = call.columns = 0
        return self.run(&call)

    cdef int run(self, Call *call) except -1:
        cdef int team = 0
        begin(&self.meeting, self.threads)  # anew: a fork may have interrupted the last one
        if self.order:
            self.run_in_turns(call)
            return self.threads
        if self.threads == 1:
            with nogil:
                self.run_thread(call, &team)
        else:
            with nogil, parallel(num_threads=self.threads):
                self.run_thread(call, &team)
        return team

    cdef void run_thread(self, Call *call, int *team) noexcept nogil:
        """All steps. A team smaller than requested does nothing; `team` receives the number of its
        threads."""
        cdef int thread = omp_get_thread_num()
        cdef void *scratch = self.scratch + thread * self.scratch_bytes
        cdef Turn turn
        cdef Py_ssize_t step
        if thread == 0:
            team[0] = omp_get_num_threads()
        if omp_get_num_threads() != self.threads:
            return
        self.take_turn(call, &turn, 0, thread)
        if not self.is_ready:
            self.first.run(&turn, &self.meeting, scratch)
            meet(&self.meeting, thread)
        for step in range(call.steps):
            self.take_turn(call, &turn, step, thread)
            self.each.run(&turn, &self.meeting, scratch)
            if self.threads > 1:
                meet(&self.meeting, thread)  # in a shorter batch, this thread has other rows
        self.last.run(&turn, &self.meeting, scratch)

    cdef void run_in_turns(self, Call *call) noexcept nogil:
        """All steps by one thread, which does the part of each thread in turn, from one meeting to
        the next. If the meetings are right, the order of the threads does not matter; if one is
        missing, some thread reads what is not written yet."""
        cdef Py_ssize_t step
        self.run_list(self.first, call, 0)
        for step in range(call.steps):
            self.run_list(self.each, call, step)
        self.run_list(self.last, call, call.steps - 1)

    cdef void run_list(
        self, _Instructions instructions, Call *call, Py_ssize_t step
    ) noexcept nogil:
        cdef Turn turn
        cdef Py_ssize_t first = 0, end, i
        cdef Py_ssize_t count = instructions.count_for(self.ends_group(call, step))
        cdef int k, thread
        while first < count:
            end = min(count, instructions.end_of_part(first))
            for k in range(self.threads):
                thread = k if self.order > 0 else self.threads - 1 - k
                self.take_turn(call, &turn, step, thread)
                for i in range(first, end):
                    instructions.instructions[i].run(
                        instructions.instructions[i].it, &turn,
                        self.scratch + thread * self.scratch_bytes)
            first = end

    cdef inline bint ends_group(self, const Call *call, Py_ssize_t step) noexcept nogil:
        return step % self.group == self.group - 1 or step == call.steps - 1

    cdef void take_turn(
        self, const Call *call, Turn *turn, Py_ssize_t step, int thread
    ) noexcept nogil:
        """This thread's part in a step."""
        cdef Py_ssize_t start = step * self.batch, n = min(self.batch, call.data.rows - start)
        cdef const char *rows = <const char *> call.data.numbers
        turn.step, turn.start, turn.n = step, start, n
        turn.place, turn.ends_group = step % self.group, self.ends_group(call, step)
        turn.thread, turn.threads = thread, self.threads
        turn.first, turn.end = share(n, thread, turn.threads), share(n, thread + 1, turn.threads)
        turn.data, turn.slots, turn.parameters = &call.data, self.slots, self.parameters
        turn.input = self.slots[0]
        if call.is_in_place:
            turn.input = rows + start * call.data.width * call.data.itemsize
        turn.coefficients = call.coefficients + step // self.group * call.parameters * call.columns
        turn.columns = call.columns
        turn.row_losses, turn.losses, turn.squares = self.row_losses, call.losses, call.squares
        turn.outputs = call.outputs


cdef int read_parameter(
    Parameter *parameter, tuple source, size_t itemsize, list kept
) except -1:
    cdef int i
    array, rule, number, states, gradient, packed, packed_states = source
    parameter.w = address(array, kept, rule is not None)
    parameter.size = array.size
    parameter.number = number
    parameter.rule = NULL if rule is None else rule_function(rule, itemsize)
    parameter.gradient = address(gradient, kept, True)
    parameter.packed = address(packed, kept, True)
    for i in range(3):
        parameter.s[i] = NULL if rule is None else address(states[i], kept, True)
        parameter.packed_s[i] = NULL  # also if the rule keeps no such state
        if packed_states is not None and parameter.s[i] != NULL:
            parameter.packed_s[i] = address(packed_states[i], kept, True)
    return 0
