"""Many training steps of a net of dense layers in one call: rows gathered, forward, loss, backward
and the weights updated, batch after batch.

Every thread runs the same program. Between two meetings it works on a share of its own, and
touches nothing that another thread writes:

    rows of the batch   gather, activations, dropout, the loss, and the products of a narrow layer
    tasks               the products of the other layers
    its part of W       dW, and at once the update of W by the optimiser's rule, some rows at a
                        time while they are in the cache: dW as a whole is never in memory

A net of two layers meets four times a step. All sums are those of the kernels that work
alone, in the same order, so the bits are theirs too.

From the first step to the last, the weights of a wide layer and their optimiser's state lie packed
in panels (gemm.pxd). No forward pass has to pack W, and what a thread reads of it there is what it
has updated itself: it stays in this core's cache.
"""

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer)
from cython.parallel cimport parallel
from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from minidl._kernels.dropout cimport Mask, drop
from minidl._kernels.gather cimport fetch_row, pixel_row
from minidl._kernels.gemm cimport (
    Panels, Plan, block_rows, laid_out, left_of, pack_panels, panels_of, place_of, plan, run_block,
    run_job, run_task, unpack_panels)
from minidl._kernels.rows cimport (
    backward_function, backward_row, forward_function, forward_row, learned_function,
    learned_gradient)
from minidl._kernels.scalar cimport real
from minidl._kernels.softmax cimport label_function, label_loss
from minidl._kernels.tile cimport TILE_SUMS, Matrix, lanes_of, pieces
from minidl._kernels.update cimport apply_rule, rule_function

cdef extern from *:
    """
    #ifdef _OPENMP
    #include <omp.h>
    /* All threads of the team wait for each other. */
    static inline void meet(void) { _Pragma("omp barrier") }
    #else
    static inline void meet(void) {}
    static inline int omp_get_thread_num(void) { return 0; }
    static inline int omp_get_num_threads(void) { return 1; }
    #endif
    """
    void meet() noexcept nogil
    int omp_get_thread_num() noexcept nogil
    int omp_get_num_threads() noexcept nogil

cdef enum:
    NARROW = 24  # outputs up to which each thread computes all of them, for its rows
    FRESH = 8192  # numbers of dW that a thread has before it updates W with them


cdef struct Parameter:
    # What is learned: an array, and its optimiser's rule, state and number among all.
    void *w
    Py_ssize_t size
    Py_ssize_t number
    void *rule  # NULL: it is not learned
    void *s[3]  # NULL: not kept


cdef struct Layer:
    # y = f(x · W + b), then dropout; and what is kept of a batch for the way back.
    Py_ssize_t inputs
    Py_ssize_t outputs  # of the product
    Py_ssize_t units  # of the activation
    Parameter W
    Parameter b
    Parameter learned  # of the activation
    bint keeps_y
    void *f  # or NULL
    void *df
    void *dlearned
    const double *options
    void *slopes  # what was learned, for every unit
    void *packed  # W in panels, or NULL
    void *packed_s[3]  # and its state
    Panels at
    Py_ssize_t across  # how many threads share a row's panels
    void *z  # (batch, outputs)
    void *y  # (batch, units), may be z
    void *dy
    void *dz  # may be dy
    void *dropped  # what dropout leaves of y
    Mask mask
    bint drops


cdef struct Data:
    # The data set, the order of its rows, and where a batch of them goes.
    Py_ssize_t rows
    Py_ssize_t batch
    const uint8_t *pixels  # or NULL
    const void *numbers
    const int64_t *order
    const int64_t *labels
    void *x
    double *losses  # of a batch's rows


cdef struct Net:
    Layer *layers
    Py_ssize_t depth
    void *loss
    const double *class_weights
    double smoothing
    int threads


cdef struct Turn:
    # One thread's part in one step: n rows of the order from `start` on, of which rows first ...
    # end - 1 of the batch are its own.
    Py_ssize_t step
    Py_ssize_t start
    Py_ssize_t n
    Py_ssize_t first
    Py_ssize_t end
    int thread
    int threads


cdef inline Py_ssize_t share(Py_ssize_t n, Py_ssize_t part, Py_ssize_t parts) noexcept nogil:
    """Where the share `part` of n things begins."""
    return n * part // parts


cdef inline Turn turn_of(Data *data, Py_ssize_t step, int thread, int threads) noexcept nogil:
    cdef Py_ssize_t start = step * data.batch, n = min(data.batch, data.rows - start)
    cdef Py_ssize_t first = share(n, thread, threads), end = share(n, thread + 1, threads)
    return Turn(step, start, n, first, end, thread, threads)


# ---- Rows: gather, activation, dropout, loss ----------------------------------------------------

cdef inline void gather_rows(Data *data, Turn turn, Py_ssize_t width, real *x) noexcept nogil:
    cdef Py_ssize_t i
    cdef const int64_t *order = data.order + turn.start
    cdef const real *numbers = <const real *> data.numbers
    for i in range(turn.first, turn.end):
        if data.pixels != NULL:
            pixel_row(data.pixels + order[i] * width, x + i * width, width)
        else:
            memcpy(x + i * width, numbers + order[i] * width, width * sizeof(real))


cdef inline void fetch_rows(
    Data *data, Py_ssize_t first, Py_ssize_t end, Py_ssize_t width, size_t itemsize
) noexcept nogil:
    """Asks for rows that the next batch needs, and their labels. Shuffled, they lie anywhere in
    memory, and to wait for them takes as long as to convert them; so they come while the weights
    are updated."""
    cdef Py_ssize_t i
    for i in range(first, min(end, data.rows)):
        fetch_row(&data.labels[data.order[i]], sizeof(int64_t))
        if data.pixels != NULL:
            fetch_row(data.pixels + data.order[i] * width, width)
        else:
            fetch_row(<const char *> data.numbers + data.order[i] * width * itemsize,
                      width * itemsize)


cdef inline Mask mask_of(Layer *layer, Turn turn) noexcept nogil:
    cdef Mask mask = layer.mask
    mask.step += turn.step
    return mask


cdef inline void forward_rows(Layer *layer, Turn turn, const real *z) noexcept nogil:
    cdef Py_ssize_t i, units = layer.units
    cdef real *y = <real *> layer.y
    if layer.f != NULL:
        for i in range(turn.first, turn.end):
            forward_row(layer.f, z + i * layer.outputs, <const real *> layer.slopes,
                        y + i * units, units, layer.options)
    if layer.drops:
        drop(<const real *> y, <real *> layer.dropped, turn.first * units, turn.end * units,
             mask_of(layer, turn))


cdef inline void backward_rows(Layer *layer, Turn turn, real *dy) noexcept nogil:
    cdef Py_ssize_t i, units = layer.units, width = units if layer.keeps_y else layer.outputs
    cdef const real *kept = <const real *> (layer.y if layer.keeps_y else layer.z)
    cdef real *dz = <real *> layer.dz
    if layer.drops:
        drop(<const real *> dy, dy, turn.first * units, turn.end * units, mask_of(layer, turn))
    if layer.df != NULL:
        for i in range(turn.first, turn.end):
            backward_row(layer.df, kept + i * width, <const real *> layer.slopes,
                         <const real *> dy + i * units, dz + i * layer.outputs, units,
                         layer.options)


cdef inline void loss_rows(Net *net, Data *data, Turn turn, const real *logits) noexcept nogil:
    """The loss of each row, and its gradient."""
    cdef Py_ssize_t i
    cdef Layer *last = &net.layers[net.depth - 1]
    for i in range(turn.first, turn.end):
        data.losses[i] = label_loss(
            net.loss, logits + i * last.units, data.labels[data.order[turn.start + i]],
            net.class_weights, net.smoothing, 1.0 / turn.n, <real *> last.dy + i * last.units,
            last.units)


# ---- Products: z = x · W + b and dx = dz · Wᵀ -------------------------------------------------

cdef struct Task:
    # A thread's rows, of a batch or of W, and its panels.
    Py_ssize_t top
    Py_ssize_t end
    Py_ssize_t panel
    Py_ssize_t end_panel


cdef inline Task task_of(Layer *layer, Py_ssize_t rows, Turn turn) noexcept nogil:
    cdef Py_ssize_t down = turn.threads // layer.across, row = turn.thread // layer.across
    cdef Py_ssize_t column = turn.thread % layer.across
    if row >= down:
        return Task(0, 0, 0, 0)
    return Task(share(rows, row, down), share(rows, row + 1, down),
                share(layer.at.panels, column, layer.across),
                share(layer.at.panels, column + 1, layer.across))


cdef inline void forward_product(Layer *layer, const real *x, Turn turn) noexcept nogil:
    """This thread's task of z = x · W + b."""
    cdef Task task = task_of(layer, turn.n, turn)
    cdef Py_ssize_t height = block_rows(task.end - task.top, False, layer.inputs)
    cdef Matrix x_at = laid_out(layer.inputs, False)
    while task.top < task.end:
        height = min(height, task.end - task.top)
        run_block[real](
            x + task.top * layer.inputs, x_at, NULL, x_at, <const real *> layer.packed, layer.at,
            task.panel, task.end_panel, <const real *> layer.b.w,
            <real *> layer.z + task.top * layer.outputs, layer.outputs, height)
        task.top += height


cdef inline void forward(Layer *layer, const real *x, Turn turn) noexcept nogil:
    cdef Matrix x_at = laid_out(layer.inputs, False), w_at = laid_out(layer.outputs, False)
    if layer.packed == NULL:
        run_task[real](
            x + turn.first * layer.inputs, x_at, <const real *> layer.W.w, w_at,
            <const real *> layer.b.w, <real *> layer.z + turn.first * layer.outputs,
            layer.outputs, turn.end - turn.first, layer.outputs, layer.inputs)
    else:
        meet()
        forward_product(layer, x, turn)
        meet()
    forward_rows(layer, turn, <const real *> layer.z)


cdef inline void backward_to_input(Layer *layer, real *dx, Turn turn) noexcept nogil:
    """dx = dz · Wᵀ."""
    cdef Plan cut
    cdef Matrix dz_at = laid_out(layer.outputs, False), w_at = laid_out(layer.outputs, True)
    cdef const real *dz = <const real *> layer.dz
    if layer.packed == NULL:
        run_task[real](
            dz + turn.first * layer.outputs, dz_at, <const real *> layer.W.w, w_at, NULL,
            dx + turn.first * layer.inputs, layer.inputs, turn.end - turn.first, layer.inputs,
            layer.outputs)
        return
    cut = plan(turn.n, layer.inputs, sizeof(real), turn.threads)
    meet()
    if turn.thread < cut.tasks:
        run_job[real](turn.thread, cut, dz, False, <const real *> layer.W.w, True, NULL, dx,
                      turn.n, layer.inputs, layer.outputs)
    meet()


# ---- Parts of W: dW = xᵀ · dz, and the update --------------------------------------------------

cdef inline void update(
    Parameter *parameter, real *w, void **s, Py_ssize_t first, Py_ssize_t count,
    const real *gradient, const double *numbers, Py_ssize_t columns
) noexcept nogil:
    """The rule for `count` elements of w and its state, from `first` on."""
    cdef real *kept[3]
    cdef int i
    for i in range(3):
        kept[i] = NULL
        if s[i] != NULL:
            kept[i] = <real *> s[i] + first
    apply_rule[real](parameter.rule, w + first, gradient, kept[0], kept[1], kept[2], count,
                     numbers + parameter.number * columns)


cdef inline void update_narrow(
    Layer *layer, const real *x, Turn turn, const double *numbers, Py_ssize_t columns, real *dW
) noexcept nogil:
    """This thread's rows of W, some at a time."""
    cdef Py_ssize_t top = share(layer.inputs, turn.thread, turn.threads)
    cdef Py_ssize_t end = share(layer.inputs, turn.thread + 1, turn.threads)
    cdef Py_ssize_t height = max(<Py_ssize_t> TILE_SUMS, FRESH // layer.outputs)
    cdef Matrix x_at = laid_out(layer.inputs, True), dz_at = laid_out(layer.outputs, False)
    while top < end:
        height = min(height, end - top)
        run_task[real](x + top, x_at, <const real *> layer.dz, dz_at, NULL, dW, layer.outputs,
                       height, layer.outputs, turn.n)
        update(&layer.W, <real *> layer.W.w, layer.W.s, top * layer.outputs,
               height * layer.outputs, <const real *> dW, numbers, columns)
        top += height


cdef inline void update_wide(
    Layer *layer, const real *x, Turn turn, const double *numbers, Py_ssize_t columns,
    real *dW, real *packed_dz, bint is_read, Data *fetching
) noexcept nogil:
    """This thread's panels of W, some rows at a time; `is_read` says that dx needs W unpacked too.
    In between, rows of the next batch are fetched."""
    cdef Panels w_at = layer.at
    cdef Panels dz_at = panels_of(turn.n, layer.outputs, layer.across, sizeof(real))
    cdef Task task = task_of(layer, layer.inputs, turn)
    cdef Py_ssize_t first = task.top, left = left_of(w_at, task.panel), p, q, height, width
    cdef Py_ssize_t own = left_of(w_at, task.end_panel) - left
    cdef Py_ssize_t rows = turn.end - turn.first, next_row = turn.start + turn.n + turn.first
    cdef Py_ssize_t groups = max(<Py_ssize_t> 1, FRESH // max(own, w_at.lanes) // TILE_SUMS)
    cdef Py_ssize_t most = min(block_rows(layer.inputs, True, turn.n), groups * TILE_SUMS)
    cdef Matrix x_at = laid_out(layer.inputs, True)
    pack_panels(<const real *> layer.dz, dz_at, 0, turn.n, task.panel, task.end_panel, packed_dz)
    while task.top < task.end:
        p = task.top // w_at.block * w_at.block
        height = min(most, min(task.end, p + w_at.block) - task.top)
        run_block[real](x + task.top, x_at, NULL, x_at, packed_dz, dz_at, task.panel,
                        task.end_panel, NULL, dW, 0, height)
        for q in range(task.panel, task.end_panel):
            width = left_of(w_at, q + 1) - left_of(w_at, q)
            update(&layer.W, <real *> layer.packed, layer.packed_s,
                   place_of(w_at, p, q) + (task.top - p) * width, height * width,
                   <const real *> dW + (left_of(w_at, q) - left) * height, numbers, columns)
        if is_read:
            unpack_panels(<const real *> layer.packed, w_at, task.top, task.top + height,
                          task.panel, task.end_panel, <real *> layer.W.w)
        if fetching != NULL:
            fetch_rows(fetching, next_row + rows * (task.top - first) // (task.end - first),
                       next_row + rows * (task.top + height - first) // (task.end - first),
                       layer.inputs, sizeof(real))
        task.top += height


cdef inline void update_bias(
    Layer *layer, Turn turn, const double *numbers, Py_ssize_t columns, real *db
) noexcept nogil:
    """This thread's elements of b; db = the sum of dz's rows, in order."""
    cdef Py_ssize_t lanes = lanes_of(sizeof(real)), groups = pieces(layer.outputs, lanes), i, j
    cdef Py_ssize_t first = share(groups, turn.thread, turn.threads) * lanes
    cdef Py_ssize_t end = min(layer.outputs, share(groups, turn.thread + 1, turn.threads) * lanes)
    cdef const real *dz = <const real *> layer.dz
    if layer.b.rule == NULL:
        return
    for j in range(first, end):
        db[j] = 0
    for i in range(turn.n):
        for j in range(first, end):
            db[j] += dz[i * layer.outputs + j]
    update(&layer.b, <real *> layer.b.w, layer.b.s, first, end - first, <const real *> db + first,
           numbers, columns)


cdef inline void update_learned(
    Layer *layer, Turn turn, const double *numbers, Py_ssize_t columns, real *gradient
) noexcept nogil:
    """What the activation learns, by one thread; and what it is for every unit from now on."""
    cdef Py_ssize_t u
    cdef double total = 0
    cdef const real *learned = <const real *> layer.learned.w
    cdef real *slopes = <real *> layer.slopes
    if layer.learned.rule == NULL or turn.thread != turn.threads - 1:
        return
    learned_gradient(layer.dlearned, <const real *> layer.z, <const real *> layer.dy, gradient, 0,
                     layer.units, turn.n, layer.units)
    if layer.learned.size == 1:
        for u in range(layer.units):
            total += gradient[u]
        gradient[0] = <real> total
    update(&layer.learned, <real *> layer.learned.w, layer.learned.s, 0, layer.learned.size,
           <const real *> gradient, numbers, columns)
    for u in range(layer.units):
        slopes[u] = learned[u % layer.learned.size]


# ---- The program of a thread --------------------------------------------------------------------

cdef inline void *input_of(Net *net, Data *data, Py_ssize_t k) noexcept nogil:
    return net.layers[k - 1].dropped if k > 0 else data.x


cdef void train_step(
    Net *net, Data *data, Turn turn, const double *numbers, Py_ssize_t columns, real *scratch,
    double *loss
) noexcept nogil:
    cdef Py_ssize_t i, k, last = net.depth - 1
    cdef const real *x
    cdef Layer *layer
    cdef Data *fetching
    gather_rows(data, turn, net.layers[0].inputs, <real *> data.x)
    for k in range(net.depth):
        forward(&net.layers[k], <const real *> input_of(net, data, k), turn)
    loss_rows(net, data, turn, <const real *> net.layers[last].dropped)
    for k in range(last, -1, -1):
        layer = &net.layers[k]
        backward_rows(layer, turn, <real *> layer.dy)
        if k > 0:
            backward_to_input(layer, <real *> net.layers[k - 1].dy, turn)
    meet()
    if turn.thread == 0:
        loss[0] = 0
        for i in range(turn.n):
            loss[0] += data.losses[i]
    for k in range(net.depth):
        layer = &net.layers[k]
        x = <const real *> input_of(net, data, k)
        if layer.W.rule != NULL and layer.packed == NULL:
            update_narrow(layer, x, turn, numbers, columns, scratch)
        elif layer.W.rule != NULL:
            fetching = data if k == 0 else NULL
            update_wide(layer, x, turn, numbers, columns, scratch,
                        scratch + FRESH + TILE_SUMS * layer.outputs, k > 0, fetching)
        update_bias(layer, turn, numbers, columns, scratch)
        update_learned(layer, turn, numbers, columns, scratch)
    meet()


cdef inline bint is_complete(Net *net, int *team) noexcept nogil:
    """Whether the team has as many threads as were asked for; `team` is told how many."""
    if omp_get_thread_num() == 0:
        team[0] = omp_get_num_threads()
    return omp_get_num_threads() == net.threads


cdef inline void pack_layers(Net *net, Turn turn, const real *like) noexcept nogil:
    """This thread's part of every W and its state, into panels. `like` is not read, but has the
    dtype."""
    cdef Py_ssize_t k
    cdef Layer *layer
    cdef Task task
    cdef int i
    for k in range(net.depth):
        layer = &net.layers[k]
        if layer.packed == NULL:
            continue
        task = task_of(layer, layer.inputs, turn)
        pack_panels(<const real *> layer.W.w, layer.at, task.top, task.end, task.panel,
                    task.end_panel, <real *> layer.packed)
        for i in range(3):
            if layer.W.s[i] != NULL:
                pack_panels(<const real *> layer.W.s[i], layer.at, task.top, task.end, task.panel,
                            task.end_panel, <real *> layer.packed_s[i])


cdef inline void unpack_layers(Net *net, Turn turn, const real *like) noexcept nogil:
    """The way back, of what was learned."""
    cdef Py_ssize_t k
    cdef Layer *layer
    cdef Task task
    cdef int i
    for k in range(net.depth):
        layer = &net.layers[k]
        if layer.packed == NULL or layer.W.rule == NULL:
            continue
        task = task_of(layer, layer.inputs, turn)
        unpack_panels(<const real *> layer.packed, layer.at, task.top, task.end, task.panel,
                      task.end_panel, <real *> layer.W.w)
        for i in range(3):
            if layer.W.s[i] != NULL:
                unpack_panels(<const real *> layer.packed_s[i], layer.at, task.top, task.end,
                              task.panel, task.end_panel, <real *> layer.W.s[i])


cdef void train_thread(
    Net *net, Data *data, const double[:, :, ::1] numbers, double[::1] losses,
    real[:, ::1] scratch, int *team
) noexcept nogil:
    """All steps. A team smaller than was asked for does nothing but say so."""
    cdef int thread = omp_get_thread_num()
    cdef Py_ssize_t step
    cdef Turn turn = turn_of(data, 0, thread, net.threads)
    if not is_complete(net, team):
        return
    pack_layers(net, turn, &scratch[0, 0])
    meet()
    for step in range(losses.shape[0]):
        turn = turn_of(data, step, thread, net.threads)
        train_step(net, data, turn, &numbers[step, 0, 0], numbers.shape[2], &scratch[thread, 0],
                   &losses[step])
    unpack_layers(net, turn, &scratch[0, 0])


cdef void predict_thread(Net *net, Data *data, real[:, ::1] y, int *team) noexcept nogil:
    """The outputs for all rows, a batch at a time. A team smaller than was asked for does nothing
    but say so."""
    cdef int thread = omp_get_thread_num()
    cdef Py_ssize_t step, k, width = y.shape[1]
    cdef Turn turn = turn_of(data, 0, thread, net.threads)
    if not is_complete(net, team):
        return
    pack_layers(net, turn, &y[0, 0])
    for step in range(pieces(data.rows, data.batch)):
        turn = turn_of(data, step, thread, net.threads)
        gather_rows(data, turn, net.layers[0].inputs, <real *> data.x)
        for k in range(net.depth):
            forward(&net.layers[k], <const real *> input_of(net, data, k), turn)
        memcpy(&y[turn.start + turn.first, 0],
               <const real *> net.layers[net.depth - 1].dropped + turn.first * width,
               (turn.end - turn.first) * width * sizeof(real))
        meet()  # of a shorter batch, other rows are this thread's


# ---- From Python ---------------------------------------------------------------------------------

cdef void *address(object array, bint writable=False) except? NULL:
    """Where a contiguous array's elements start; NULL for None. The caller keeps the array."""
    cdef Py_buffer view
    if array is None:
        return NULL
    PyObject_GetBuffer(array, &view, PyBUF_C_CONTIGUOUS | (PyBUF_WRITABLE if writable else 0))
    PyBuffer_Release(&view)
    return view.buf


cdef int read_parameter(Parameter *parameter, object source, size_t itemsize) except -1:
    """From (array, rule or None, number, three states or None); or None: there is none."""
    cdef int i
    if source is None:
        return 0
    array, rule, number, states = source
    parameter.w = address(array, rule is not None)
    parameter.size = array.size
    parameter.number = number
    if rule is not None:
        parameter.rule = rule_function(rule, itemsize)
        for i in range(3):
            parameter.s[i] = address(states[i], True)
    return 0


cdef int read_layer(
    Layer *layer, object source, Py_ssize_t batch, size_t itemsize, int threads
) except -1:
    """From a Room of minidl/fused.py."""
    cdef Plan cut
    cdef int i
    layer.inputs, layer.outputs = source.W[0].shape
    layer.units = source.y.shape[1]
    read_parameter(&layer.W, source.W, itemsize)
    read_parameter(&layer.b, source.b, itemsize)
    read_parameter(&layer.learned, source.learned, itemsize)
    layer.keeps_y = source.keeps_y
    if source.forward is not None:
        layer.f = forward_function(source.forward, itemsize)
        layer.df = backward_function(source.backward, itemsize)
    if source.learned is not None:
        layer.dlearned = learned_function(source.learned_gradient, itemsize)
    layer.options = <const double *> address(source.options)
    layer.slopes = address(source.slopes, True)
    layer.z, layer.y = address(source.z, True), address(source.y, True)
    layer.dy, layer.dz = address(source.dy, True), address(source.dz, True)
    layer.dropped = address(source.dropped, True)
    layer.drops = source.mask is not None
    if layer.drops:
        layer.mask.seed, layer.mask.step, layer.mask.last, layer.mask.scale = source.mask
    layer.packed = address(source.packed, True)
    if layer.packed != NULL:
        cut = plan(batch, layer.outputs, itemsize, threads)
        layer.across = cut.across
        layer.at = panels_of(layer.inputs, layer.outputs, cut.across, itemsize)
        for i in range(3):
            layer.packed_s[i] = address(source.packed_states[i], True)
    return 0


cdef Layer *read_layers(
    list sources, Py_ssize_t batch, size_t itemsize, int threads
) except NULL:
    """All layers; whoever asks for them frees them."""
    cdef Py_ssize_t k, depth = len(sources)
    cdef Layer *layers = <Layer *> calloc(depth, sizeof(Layer))
    if layers == NULL:
        raise MemoryError
    try:
        for k in range(depth):
            read_layer(&layers[k], sources[k], batch, itemsize, threads)
    except BaseException:
        free(layers)
        raise
    return layers


cdef int read_data(Data *data, object x) except -1:
    if x.dtype.itemsize == 1:
        data.pixels = <const uint8_t *> address(x)
    else:
        data.numbers = address(x)
    return 0


def is_wide(Py_ssize_t outputs):
    """Whether a layer of so many outputs wants room for its packed weights."""
    return outputs > NARROW


def packed_numbers(Py_ssize_t inputs, Py_ssize_t outputs, size_t itemsize):
    """The numbers that W takes when it is packed."""
    return inputs * pieces(outputs, lanes_of(itemsize)) * lanes_of(itemsize)


def scratch_numbers(Py_ssize_t batch, Py_ssize_t outputs, size_t itemsize):
    """The numbers that a thread needs room for, for a layer of so many outputs."""
    return FRESH + TILE_SUMS * outputs + packed_numbers(batch, outputs, itemsize)


def train(
    list layers, loss, const double[::1] class_weights, double smoothing,
    x, const int64_t[::1] order, const int64_t[::1] labels, Py_ssize_t batch,
    real[:, ::1] batch_x, double[::1] batch_losses, const double[:, :, ::1] numbers,
    double[::1] losses, real[:, ::1] scratch
):
    """Trains on the rows of x and labels in this order, `batch` at a time: losses.shape[0] steps.

    x (n, inputs) holds uint8 pixels or numbers of the layers' dtype, labels (n,) classes; numbers
    (steps, parameters, k) are the rule's for each step. Puts the mean loss of every batch into
    `losses`, and changes the layers' parameters and their state. batch_x (batch, inputs),
    batch_losses (batch,) and scratch (threads, scratch_numbers) are room to work in; a thread for
    each row of scratch. Returns how many threads OpenMP gave: if these are fewer, nothing was done.
    """
    cdef int team = 0, threads = scratch.shape[0]
    cdef Net net = Net(NULL, len(layers), label_function(loss, sizeof(real)), &class_weights[0],
                       smoothing, threads)
    cdef Data data = Data(order.shape[0], batch, NULL, NULL, &order[0], &labels[0], &batch_x[0, 0],
                          &batch_losses[0])
    read_data(&data, x)
    net.layers = read_layers(layers, batch, sizeof(real), threads)
    try:
        if threads == 1:
            with nogil:
                train_thread[real](&net, &data, numbers, losses, scratch, &team)
        else:
            with nogil, parallel(num_threads=threads):
                train_thread[real](&net, &data, numbers, losses, scratch, &team)
    finally:
        free(net.layers)
    return team


def predict(
    list layers, x, const int64_t[::1] order, Py_ssize_t batch, real[:, ::1] batch_x,
    real[:, ::1] y, int threads
):
    """y = the net's outputs for the rows of x in this order, `batch` at a time.

    x (n, inputs) is as in `train`, y (rows, outputs); batch_x (batch, inputs) is room to work in.
    Returns how many threads OpenMP gave: if these are fewer, nothing was done.
    """
    cdef int team = 0
    cdef Net net = Net(NULL, len(layers), NULL, NULL, 0, threads)
    cdef Data data = Data(order.shape[0], batch, NULL, NULL, &order[0], NULL, &batch_x[0, 0], NULL)
    read_data(&data, x)
    net.layers = read_layers(layers, batch, sizeof(real), threads)
    try:
        if threads == 1:
            with nogil:
                predict_thread[real](&net, &data, y, &team)
        else:
            with nogil, parallel(num_threads=threads):
                predict_thread[real](&net, &data, y, &team)
    finally:
        free(net.layers)
    return team
