"""A dense layer, its activation and its dropout, as one thread of a team runs them: forward,
backward, and the update of what is learned.

    rows of the batch   activations, dropout, and the products of a narrow layer
    tasks               the products of the other layers
    its part of W       dW, and at once the update of W by the optimiser's rule, some rows at a
                        time while they are in the cache: dW as a whole is never in memory

All sums are those of the kernels that work alone, in the same order, so the bits are theirs too.

The weights of a wide layer and their optimiser's state lie packed in panels (gemm.pxd). No forward
pass has to pack W, and what a thread reads of it there is what it has updated itself: it stays in
this core's cache.
"""

from minidl._kernels.dropout cimport Mask, drop
from minidl._kernels.gemm cimport (
    Panels, Plan, block_rows, laid_out, left_of, pack_panels, panels_of, place_of, plan, run_block,
    run_job, run_task, unpack_panels)
from minidl._kernels.meeting cimport meet
from minidl._kernels.rows cimport backward_row, forward_row, learned_gradient
from minidl._kernels.scalar cimport real
from minidl._kernels.squares cimport MOST_LANES, add_squares, taken
from minidl._kernels.sums cimport sum_rows
from minidl._kernels.team cimport Data, Turn, fetch_rows, share
from minidl._kernels.tile cimport TILE_SUMS, Matrix, lanes_of, pieces
from minidl._kernels.update cimport Given, apply_rule

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
    void *fired  # (threads, outputs): 1 where dy/dz was not 0 on a row so far; or NULL
    void *ones  # (units,)
    double *squares  # (inputs,): the sum of each row of W², where it is wanted
    Mask mask
    bint drops


# ---- Rows: activation and dropout ---------------------------------------------------------------

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


cdef inline bint has_silent(const real *fired, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef real least = 1
    for i in range(n):
        least = fired[i] if fired[i] < least else least
    return least == 0


cdef inline void note_fired(Layer *layer, Turn turn, real *slope) noexcept nogil:
    """Notes for every column of z whether its slope dy/dz was other than 0 on any of this thread's
    rows. Most columns have had such a row soon; when all have, nothing is left to do. `slope` has
    room for a row."""
    cdef Py_ssize_t i, j, units = layer.units, width = units if layer.keeps_y else layer.outputs
    cdef const real *kept = <const real *> (layer.y if layer.keeps_y else layer.z)
    cdef real *fired = <real *> layer.fired + turn.thread * layer.outputs
    if not has_silent(<const real *> fired, layer.outputs):
        return
    for i in range(turn.first, turn.end):
        backward_row(layer.df, kept + i * width, <const real *> layer.slopes,
                     <const real *> layer.ones, slope, units, layer.options)
        for j in range(layer.outputs):
            fired[j] = 1 if slope[j] != 0 else fired[j]


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
        meet(turn.meeting, turn.thread)
        forward_product(layer, x, turn)
        meet(turn.meeting, turn.thread)
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
    meet(turn.meeting, turn.thread)
    if turn.thread < cut.tasks:
        run_job[real](turn.thread, cut, dz, False, <const real *> layer.W.w, True, NULL, dx,
                      turn.n, layer.inputs, layer.outputs)
    meet(turn.meeting, turn.thread)


# ---- Rows of W: their squares --------------------------------------------------------------------

cdef inline void square_rows(Layer *layer, Turn turn, const real *like) noexcept nogil:
    """The sum of W² of this thread's rows. `like` is not read, but has the dtype."""
    cdef Py_ssize_t top = share(layer.inputs, turn.thread, turn.threads), i, p, q, left, width
    cdef double sums[MOST_LANES]
    for i in range(MOST_LANES):
        sums[i] = 0
    for i in range(top, share(layer.inputs, turn.thread + 1, turn.threads)):
        if layer.packed == NULL:
            add_squares(<const real *> layer.W.w + i * layer.outputs, layer.outputs, sums)
        else:
            p = i // layer.at.block * layer.at.block
            for q in range(layer.at.panels):
                left = left_of(layer.at, q)
                width = left_of(layer.at, q + 1) - left
                add_squares(
                    <const real *> layer.packed + place_of(layer.at, p, q) + (i - p) * width,
                    min(width, layer.outputs - left), sums)
        layer.squares[i] = taken(sums, sizeof(real))


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
                     <const Given *> (numbers + parameter.number * columns))


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
    """This thread's elements of b; db = the sum of dz's rows."""
    cdef Py_ssize_t lanes = lanes_of(sizeof(real)), groups = pieces(layer.outputs, lanes)
    cdef Py_ssize_t first = share(groups, turn.thread, turn.threads) * lanes
    cdef Py_ssize_t end = min(layer.outputs, share(groups, turn.thread + 1, turn.threads) * lanes)
    if layer.b.rule == NULL:
        return
    sum_rows(<const real *> layer.dz, layer.outputs, turn.n, first, end, db)
    update(&layer.b, <real *> layer.b.w, layer.b.s, first, end - first, <const real *> db + first,
           numbers, columns)


cdef inline void spread_learned(Layer *layer, const real *like) noexcept nogil:
    """What the activation has learned, for every unit. `like` is not read, but has the dtype."""
    cdef Py_ssize_t u
    cdef const real *learned = <const real *> layer.learned.w
    cdef real *slopes = <real *> layer.slopes
    for u in range(layer.units if slopes != NULL else 0):
        slopes[u] = learned[u % layer.learned.size]


cdef inline void update_learned(
    Layer *layer, Turn turn, const double *numbers, Py_ssize_t columns, real *gradient
) noexcept nogil:
    """What the activation learns, by one thread; and what it is for every unit from now on."""
    cdef Py_ssize_t u
    cdef double total = 0
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
    spread_learned(layer, <const real *> gradient)


# ---- Into panels before the first step, and back after the last ----------------------------------

cdef inline void move_panels(
    Layer *layer, Task task, real *array, real *packed, bint into
) noexcept nogil:
    if into:
        pack_panels(<const real *> array, layer.at, task.top, task.end, task.panel,
                    task.end_panel, packed)
    else:
        unpack_panels(<const real *> packed, layer.at, task.top, task.end, task.panel,
                      task.end_panel, array)


cdef inline void move_layer(Layer *layer, Turn turn, bint into, const real *like) noexcept nogil:
    """This thread's part of W and its state, into panels or back. `like` is not read, but has the
    dtype."""
    cdef Task task
    cdef int i
    if layer.packed == NULL or not (into or layer.W.rule != NULL):
        return
    task = task_of(layer, layer.inputs, turn)
    move_panels[real](layer, task, <real *> layer.W.w, <real *> layer.packed, into)
    for i in range(3):
        if layer.W.s[i] != NULL:
            move_panels[real](layer, task, <real *> layer.W.s[i], <real *> layer.packed_s[i], into)
