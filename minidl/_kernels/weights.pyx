"""A dense layer's instructions: its products, and the update of its weights.

    rows of the batch   the products of a narrow layer
    tasks               the products of the other layers: tiles of rows and columns (gemm.pxd)
    parts of W          dW, and at once the update of W by the optimiser's rule, some columns and
                        rows at a time while they are in the cache: dW as a whole is never in memory

All sums are those of the kernels that work alone, in the same order, so the bits are the same too.

If many steps run in one call, the weights of a wide layer and their optimiser's state lie packed in
panels (gemm.pxd). No forward pass has to pack W then, and a thread reads the weights that it has
updated itself: they stay in its core's cache.
"""

from minidl._kernels.gather cimport fetch_row
from minidl._kernels.gemm cimport (
    Panels, Plan, block_rows, laid_out, left_of, pack_panels, panels_of, place_of, plan, run_block,
    run_job, run_task, unpack_panels)
from minidl._kernels.instruction cimport (
    Columns, Data, Parameter, Run, Turn, at, columns_of, instruction, row_of, update)
from minidl._kernels.losses cimport in_order
from minidl._kernels.ndarray cimport address
from minidl._kernels.norms cimport COLUMNS, find_scales, scale_columns, square_columns
from minidl._kernels.scalar cimport real
from minidl._kernels.squares cimport MOST_LANES, add_squares, taken
from minidl._kernels.sums cimport sum_rows
from minidl._kernels.team cimport share
from minidl._kernels.tile cimport TILE_SUMS, Matrix, lanes_of, pieces

INSTRUCTIONS = {}

cdef enum:
    NARROW = 24  # the most outputs for which each thread computes all, for its rows
    FRESH = 8192  # numbers of dW that a thread computes before it updates W with them
    STRETCH = 2048  # columns of dz that stay in the second-level cache, about


cdef struct Dense:
    # z = x · W + b; slots and parameters by their numbers.
    Py_ssize_t x
    Py_ssize_t z
    Py_ssize_t dx
    Py_ssize_t dz
    Py_ssize_t W
    Py_ssize_t b  # -1: none
    Py_ssize_t inputs
    Py_ssize_t outputs
    Py_ssize_t most_rows  # of a batch
    Panels panels  # how W is cut
    Py_ssize_t across  # how many threads share a row's panels
    bint reads_rows  # whether the gradient of the input needs W unpacked
    bint fetches  # whether x are rows of the data set
    double *squares  # (inputs,): the sum of each row of W²


cdef int read_dense(void *it, dict given, size_t itemsize, list kept) except -1:
    cdef Dense *dense = <Dense *> it
    cdef Plan cut
    dense.x, dense.z, dense.W, dense.b = given["x"], given["z"], given["W"], given["b"]
    dense.dx, dense.dz = given["dx"], given["dz"]
    dense.inputs, dense.outputs = given["inputs"], given["outputs"]
    dense.most_rows = given["batch"]
    dense.reads_rows, dense.fetches = dense.dx >= 0, dense.x == 0
    dense.squares = <double *> address(given.get("squares"), kept, True)
    cdef Py_ssize_t threads = given["threads"]
    cut = plan(dense.most_rows, dense.outputs, itemsize, threads)
    dense.across = cut.across
    dense.panels = panels_of(dense.inputs, dense.outputs, cut.across, itemsize)
    return 0


# ---- Products: z = x · W + b and dx = dz · Wᵀ -------------------------------------------------

cdef struct Task:
    # A thread's rows, of a batch or of W, and its panels.
    Py_ssize_t top
    Py_ssize_t end
    Py_ssize_t panel
    Py_ssize_t end_panel


cdef inline Task task_of(const Dense *dense, Py_ssize_t rows, const Turn *turn) noexcept nogil:
    cdef Py_ssize_t down = turn.threads // dense.across, row = turn.thread // dense.across
    cdef Py_ssize_t column = turn.thread % dense.across
    if row >= down:
        return Task(0, 0, 0, 0)
    return Task(share(rows, row, down), share(rows, row + 1, down),
                share(dense.panels.panels, column, dense.across),
                share(dense.panels.panels, column + 1, dense.across))


cdef inline const real *bias_of(const Dense *dense, const Turn *turn, const real *_) noexcept nogil:
    return <const real *> turn.parameters[dense.b].w if dense.b >= 0 else NULL


cdef void forward_by_rows(const Dense *it, const Turn *turn, real *scratch) noexcept nogil:
    """z = x · W + b for this thread's rows."""
    cdef Matrix x_at = laid_out(it.inputs, False), w_at = laid_out(it.outputs, False)
    run_task[real](
        <const real *> at(turn, it.x) + turn.first * it.inputs, x_at,
        <const real *> turn.parameters[it.W].w, w_at, bias_of(it, turn, scratch),
        <real *> at(turn, it.z) + turn.first * it.outputs, it.outputs, turn.end - turn.first,
        it.outputs, it.inputs)


cdef void forward_by_tasks(const Dense *it, const Turn *turn, real *scratch) noexcept nogil:
    """This thread's task of z = x · W + b."""
    cdef const real *x = <const real *> at(turn, it.x)
    cdef const real *b = bias_of(it, turn, scratch)
    cdef const Parameter *W = &turn.parameters[it.W]
    cdef real *z = <real *> at(turn, it.z)
    cdef Matrix x_at = laid_out(it.inputs, False)
    cdef Plan cut
    cdef Task task
    cdef Py_ssize_t height
    if W.packed == NULL:
        cut = plan(turn.n, it.outputs, sizeof(real), turn.threads)
        if turn.thread < cut.tasks:
            run_job[real](turn.thread, cut, x, False, <const real *> W.w, False, b, z, turn.n,
                          it.outputs, it.inputs)
        return
    task = task_of(it, turn.n, turn)
    height = block_rows(task.end - task.top, False, it.inputs)
    while task.top < task.end:
        height = min(height, task.end - task.top)
        run_block[real](x + task.top * it.inputs, x_at, NULL, x_at, <const real *> W.packed,
                        it.panels, task.panel, task.end_panel, b,
                        z + task.top * it.outputs + left_of(it.panels, task.panel), it.outputs,
                        height)
        task.top += height


cdef void back_by_rows(const Dense *it, const Turn *turn, real *scratch) noexcept nogil:
    """dx = dz · Wᵀ for this thread's rows."""
    cdef Matrix dz_at = laid_out(it.outputs, False), w_at = laid_out(it.outputs, True)
    run_task[real](
        <const real *> at(turn, it.dz) + turn.first * it.outputs, dz_at,
        <const real *> turn.parameters[it.W].w, w_at, NULL,
        <real *> at(turn, it.dx) + turn.first * it.inputs, it.inputs, turn.end - turn.first,
        it.inputs, it.outputs)


cdef void back_by_tasks(const Dense *it, const Turn *turn, real *scratch) noexcept nogil:
    """This thread's task of dx = dz · Wᵀ."""
    cdef Plan cut = plan(turn.n, it.inputs, sizeof(real), turn.threads)
    if turn.thread < cut.tasks:
        run_job[real](turn.thread, cut, <const real *> at(turn, it.dz), False,
                      <const real *> turn.parameters[it.W].w, True, NULL,
                      <real *> at(turn, it.dx), turn.n, it.inputs, it.outputs)


# ---- Parts of W: dW = xᵀ · dz, and the update --------------------------------------------------

cdef void update_by_rows(const Dense *it, const Turn *turn, real *scratch) noexcept nogil:
    """This thread's rows of W, some at a time."""
    cdef const Parameter *W = &turn.parameters[it.W]
    cdef Py_ssize_t top = share(it.inputs, turn.thread, turn.threads)
    cdef Py_ssize_t end = share(it.inputs, turn.thread + 1, turn.threads)
    cdef Py_ssize_t height = max(<Py_ssize_t> TILE_SUMS, FRESH // it.outputs)
    cdef Matrix x_at = laid_out(it.inputs, True), dz_at = laid_out(it.outputs, False)
    if W.rule == NULL:
        return
    while top < end:
        height = min(height, end - top)
        run_task[real](
            <const real *> at(turn, it.x) + top, x_at, <const real *> at(turn, it.dz), dz_at,
            NULL, scratch, it.outputs, height, it.outputs, turn.n)
        update(W, <real *> W.w, W.s, top * it.outputs, height * it.outputs,
               <const real *> scratch, turn)
        top += height


cdef inline void update_part(
    const Dense *it, const Parameter *W, Py_ssize_t top, Py_ssize_t height, Py_ssize_t panel,
    Py_ssize_t end_panel, const real *dW, const Turn *turn
) noexcept nogil:
    """Rows top ... top + height - 1 of W, which are of one block, in some panels' columns. dW lies
    in memory as W does: in panels, or else row by row."""
    cdef Panels panels = it.panels
    cdef Py_ssize_t p = top // panels.block * panels.block, left = left_of(panels, panel), q, i
    cdef Py_ssize_t width = min(left_of(panels, end_panel), panels.columns) - left, rows
    if W.packed == NULL:
        rows = height if width == panels.columns else 1  # as many as are one piece of memory
        for i in range(height // rows):
            update(W, <real *> W.w, W.s, (top + i) * panels.columns + left, rows * width,
                   dW + i * width, turn)
        return
    for q in range(panel, end_panel):
        width = left_of(panels, q + 1) - left_of(panels, q)
        update(W, <real *> W.packed, W.packed_s, place_of(panels, p, q) + (top - p) * width,
               height * width, dW + (left_of(panels, q) - left) * height, turn)


cdef void update_by_panels(const Dense *it, const Turn *turn, real *scratch) noexcept nogil:
    """This thread's panels of W: some columns of dz at a time, which stay in the second-level cache
    while the loop goes through all rows of W, some at a time. In between, rows of the next batch
    are fetched."""
    cdef const Parameter *W = &turn.parameters[it.W]
    cdef Task task = task_of(it, it.inputs, turn)
    cdef Py_ssize_t panels = task.end_panel - task.panel, i
    cdef Py_ssize_t columns = left_of(it.panels, task.end_panel) - left_of(it.panels, task.panel)
    cdef Py_ssize_t stretches = pieces(columns, STRETCH)
    if W.rule == NULL:
        return
    for i in range(stretches):
        update_stretch(it, W, task, task.panel + share(panels, i, stretches),
                       task.panel + share(panels, i + 1, stretches), turn, scratch)


cdef inline void update_stretch(
    const Dense *it, const Parameter *W, Task task, Py_ssize_t panel, Py_ssize_t end_panel,
    const Turn *turn, real *scratch
) noexcept nogil:
    """The task's rows of W in these panels."""
    cdef Panels w_at = it.panels
    cdef Panels dz_at = panels_of(turn.n, it.outputs, it.across, sizeof(real))
    cdef Py_ssize_t left = left_of(w_at, panel), columns = left_of(w_at, end_panel) - left
    cdef Py_ssize_t most = max(<Py_ssize_t> 1, FRESH // columns // TILE_SUMS) * TILE_SUMS
    cdef Py_ssize_t row = 0 if W.packed != NULL else min(columns, it.outputs - left)
    cdef Py_ssize_t top = task.top, p, height
    cdef Matrix x_at = laid_out(it.inputs, True)
    cdef const real *x = <const real *> at(turn, it.x)
    cdef real *dW = scratch
    cdef real *packed_dz = scratch + FRESH + TILE_SUMS * it.outputs
    most = min(most, block_rows(it.inputs, True, turn.n))
    pack_panels(<const real *> at(turn, it.dz), dz_at, 0, turn.n, panel, end_panel, packed_dz)
    while top < task.end:
        p = top // w_at.block * w_at.block
        height = min(most, min(task.end, p + w_at.block) - top)
        run_block[real](x + top, x_at, NULL, x_at, packed_dz, dz_at, panel, end_panel, NULL,
                        dW, row, height)
        update_part(it, W, top, height, panel, end_panel, <const real *> dW, turn)
        if it.reads_rows and W.packed != NULL:
            unpack_panels(<const real *> W.packed, w_at, top, top + height, panel, end_panel,
                          <real *> W.w)
        if it.fetches and panel == task.panel:
            fetch_part(it, turn, top - task.top, top - task.top + height, task.end - task.top)
        top += height


cdef inline void fetch_part(
    const Dense *it, const Turn *turn, Py_ssize_t done, Py_ssize_t then, Py_ssize_t all
) noexcept nogil:
    """Asks for this thread's rows of the next batch and their targets: those that are due when this
    share of the work is done. Shuffled rows lie anywhere in memory, and waiting for them takes as
    long as converting them; so they come while the weights are updated."""
    cdef const Data *data = turn.data
    cdef Py_ssize_t rows = turn.end - turn.first, next_row = turn.start + turn.n + turn.first
    cdef Py_ssize_t i, row, width = data.width * (1 if data.pixels != NULL else data.itemsize)
    cdef const char *x = <const char *> (
        data.pixels if data.pixels != NULL else <const unsigned char *> data.numbers)
    for i in range(next_row + rows * done // all,
                   min(next_row + rows * then // all, data.rows)):
        row = row_of(data, i)
        fetch_row(data.loss.targets + row * data.loss.target_bytes, data.loss.target_bytes)
        fetch_row(x + row * width, width)


cdef void whole_gradient(const Dense *it, const Turn *turn, real *scratch) noexcept nogil:
    """This thread's task of dW = xᵀ · dz, if something needs the whole dW."""
    cdef Plan cut = plan(it.inputs, it.outputs, sizeof(real), turn.threads)
    if turn.thread < cut.tasks:
        run_job[real](turn.thread, cut, <const real *> at(turn, it.x), True,
                      <const real *> at(turn, it.dz), False, NULL,
                      <real *> turn.parameters[it.W].gradient, it.inputs, it.outputs, turn.n)


cdef struct Bias:
    # db = the sum of the rows of dz.
    Py_ssize_t dz
    Py_ssize_t b
    Py_ssize_t width
    Py_ssize_t group


cdef int read_bias(void *it, dict given, size_t itemsize, list kept) except -1:
    cdef Bias *bias = <Bias *> it
    bias.dz, bias.b = given["dy"], given["parameter"]
    bias.width, bias.group = given["width"], given["group"]
    return 0


cdef void bias_gradient(const Bias *it, const Turn *turn, real *scratch) noexcept nogil:
    """This thread's elements of db."""
    cdef Columns own = columns_of(turn, it.width, it.group)
    sum_rows(<const real *> at(turn, it.dz), it.width, turn.n, own.first, own.end,
             <real *> turn.parameters[it.b].gradient)


# ---- Rows of W: their squares --------------------------------------------------------------------

cdef void square_rows(const Dense *it, const Turn *turn, real *scratch) noexcept nogil:
    """The sum of W² of each of this thread's rows."""
    cdef const Parameter *W = &turn.parameters[it.W]
    cdef Py_ssize_t i, p, q, left, width
    cdef double sums[MOST_LANES]
    for i in range(MOST_LANES):
        sums[i] = 0
    for i in range(share(it.inputs, turn.thread, turn.threads),
                   share(it.inputs, turn.thread + 1, turn.threads)):
        if W.packed == NULL:
            add_squares(<const real *> W.w + i * it.outputs, it.outputs, sums)
        else:
            p = i // it.panels.block * it.panels.block
            for q in range(it.panels.panels):
                left = left_of(it.panels, q)
                width = left_of(it.panels, q + 1) - left
                add_squares(
                    <const real *> W.packed + place_of(it.panels, p, q) + (i - p) * width,
                    min(width, it.outputs - left), sums)
        it.squares[i] = taken(sums, sizeof(real))


cdef void total_squares(const Dense *it, const Turn *turn, real *scratch) noexcept nogil:
    """The rows' sums in order, added to those of the layers before."""
    if turn.thread == turn.threads - 1:
        turn.squares[turn.step] += in_order(it.squares, it.inputs)


def squares(const real[:, ::1] W):
    """The sum of W², as the steps of a program compute it."""
    cdef double sums[MOST_LANES]
    cdef Py_ssize_t i
    cdef double total = 0
    for i in range(MOST_LANES):
        sums[i] = 0
    for i in range(W.shape[0]):
        add_squares(&W[i, 0], W.shape[1], sums)
        total += taken(sums, sizeof(real))
    return total


# ---- Panels of W: the norms of their columns -----------------------------------------------------

cdef struct Limit:
    Dense dense
    double norm


cdef int read_limit(void *it, dict given, size_t itemsize, list kept) except -1:
    (<Limit *> it).norm = given["limit"]
    return read_dense(&(<Limit *> it).dense, given, itemsize, kept)


cdef inline Py_ssize_t limit_panel(
    real *packed, Panels panels, Py_ssize_t q, double limit
) noexcept nogil:
    """Scales the columns of panel q whose norm is above the limit down to it; returns how many
    these are. Cost: one pass, and a second one if a norm is too large."""
    cdef double sums[COLUMNS]
    cdef double scales[COLUMNS]
    cdef Py_ssize_t blocks = pieces(panels.depth, panels.block), block, p, height, u, exceeded
    cdef Py_ssize_t width = left_of(panels, q + 1) - left_of(panels, q)
    for u in range(width):
        sums[u] = 0
    for block in range(blocks):
        p = block * panels.block
        height = min(panels.block, panels.depth - p)
        square_columns(<const real *> packed + place_of(panels, p, q), height, width, width, sums)
    exceeded = find_scales(sums, width, limit, scales)
    for block in range(blocks if exceeded else 0):
        p = block * panels.block
        height = min(panels.block, panels.depth - p)
        scale_columns(packed + place_of(panels, p, q), height, width, width, scales)
    return exceeded


cdef void limit_panels(const Limit *it, const Turn *turn, real *scratch) noexcept nogil:
    """This thread's panels of W, if it is learned."""
    cdef const Parameter *W = &turn.parameters[it.dense.W]
    cdef Panels panels = it.dense.panels
    cdef Py_ssize_t q, exceeded
    if W.rule == NULL:
        return
    for q in range(share(panels.panels, turn.thread, turn.threads),
                   share(panels.panels, turn.thread + 1, turn.threads)):
        exceeded = limit_panel(<real *> W.packed, panels, q, it.norm)
        if exceeded and it.dense.reads_rows:
            unpack_panels(<const real *> W.packed, panels, 0, panels.depth, q, q + 1, <real *> W.w)


# ---- Into panels before the first step, and back after the last ----------------------------------

cdef void pack_weights(const Dense *it, const Turn *turn, real *scratch) noexcept nogil:
    """This thread's part of W and its state."""
    move(it, turn, <const real *> scratch, True)


cdef void unpack_weights(const Dense *it, const Turn *turn, real *scratch) noexcept nogil:
    """Unpacks them, if anything has changed."""
    if turn.parameters[it.W].rule != NULL:
        move(it, turn, <const real *> scratch, False)


cdef inline void move(
    const Dense *it, const Turn *turn, const real *_, bint into
) noexcept nogil:
    cdef const Parameter *W = &turn.parameters[it.W]
    cdef Task task = task_of(it, it.inputs, turn)
    cdef int i
    move_panels[real](it.panels, task, <real *> W.w, <real *> W.packed, into)
    for i in range(3):
        if W.s[i] != NULL:
            move_panels[real](it.panels, task, <real *> W.s[i], <real *> W.packed_s[i], into)


cdef inline void move_panels(
    Panels panels, Task task, real *array, real *packed, bint into
) noexcept nogil:
    if into:
        pack_panels(<const real *> array, panels, task.top, task.end, task.panel, task.end_panel,
                    packed)
    else:
        unpack_panels(<const real *> packed, panels, task.top, task.end, task.panel,
                      task.end_panel, array)


# ---- For the Python side -------------------------------------------------------------------------

def is_wide(Py_ssize_t outputs):
    """Whether threads share a layer of so many outputs by tasks."""
    return outputs > NARROW


def lanes(size_t itemsize):
    """How many numbers a vector holds."""
    return lanes_of(itemsize)


def packed_numbers(Py_ssize_t inputs, Py_ssize_t outputs, size_t itemsize):
    """How many numbers W takes when it is packed."""
    return inputs * pieces(outputs, lanes_of(itemsize)) * lanes_of(itemsize)


def scratch_numbers(Py_ssize_t batch, Py_ssize_t outputs, size_t itemsize):
    """How many numbers of room a thread needs to update a layer of so many outputs."""
    return FRESH + TILE_SUMS * outputs + packed_numbers(batch, outputs, itemsize)


INSTRUCTIONS["dense by rows"] = instruction(
    sizeof(Dense), read_dense, <Run> forward_by_rows[float], <Run> forward_by_rows[double],
    reads={"x": "rows", "W": "all", "b": "all"}, writes={"z": "rows"})
INSTRUCTIONS["dense by tasks"] = instruction(
    sizeof(Dense), read_dense, <Run> forward_by_tasks[float], <Run> forward_by_tasks[double],
    reads={"x": "all", "W": "all", "b": "all"}, writes={"z": "all"})
INSTRUCTIONS["dense back by rows"] = instruction(
    sizeof(Dense), read_dense, <Run> back_by_rows[float], <Run> back_by_rows[double],
    reads={"dz": "rows", "W": "all"}, writes={"dx": "rows"})
INSTRUCTIONS["dense back by tasks"] = instruction(
    sizeof(Dense), read_dense, <Run> back_by_tasks[float], <Run> back_by_tasks[double],
    reads={"dz": "all", "W": "all"}, writes={"dx": "all"})
INSTRUCTIONS["update W by rows"] = instruction(
    sizeof(Dense), read_dense, <Run> update_by_rows[float], <Run> update_by_rows[double],
    reads={"x": "all", "dz": "all"}, writes={"W": "all"})
INSTRUCTIONS["update W by tasks"] = instruction(
    sizeof(Dense), read_dense, <Run> update_by_panels[float], <Run> update_by_panels[double],
    reads={"x": "all", "dz": "all"}, writes={"W": "all"})
INSTRUCTIONS["gradient of W"] = instruction(
    sizeof(Dense), read_dense, <Run> whole_gradient[float], <Run> whole_gradient[double],
    reads={"x": "all", "dz": "all"}, writes={"W.gradient": "all"})
INSTRUCTIONS["squares of W"] = instruction(
    sizeof(Dense), read_dense, <Run> square_rows[float], <Run> square_rows[double],
    reads={"W": "all"}, writes={"squares": "all"})
INSTRUCTIONS["total of squares"] = instruction(
    sizeof(Dense), read_dense, <Run> total_squares[float], <Run> total_squares[double],
    reads={"squares": "all"}, writes={})
INSTRUCTIONS["max norm of panels"] = instruction(
    sizeof(Limit), read_limit, <Run> limit_panels[float], <Run> limit_panels[double],
    reads={}, writes={"W": "all"})
INSTRUCTIONS["pack W"] = instruction(
    sizeof(Dense), read_dense, <Run> pack_weights[float], <Run> pack_weights[double],
    reads={}, writes={"W": "all"})
INSTRUCTIONS["unpack W"] = instruction(
    sizeof(Dense), read_dense, <Run> unpack_weights[float], <Run> unpack_weights[double],
    reads={}, writes={"W": "all"})
INSTRUCTIONS["gradient of b"] = instruction(
    sizeof(Bias), read_bias, <Run> bias_gradient[float], <Run> bias_gradient[double],
    reads={"dy": "all"}, writes={"parameter.gradient": "columns {group}"})
