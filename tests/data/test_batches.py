"""batches(): what comes in them, in which order, and whose it is."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minidl
from minidl import Tensor, nn, optim, random, train
from minidl import functional as F
from minidl.data import batches
from minidl.errors import ArgumentError, DTypeError, ShapeError

N = 23


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (N, 12), dtype=np.uint8)


def collected(data):
    """All inputs and labels of one epoch, copied before the next batch comes."""
    pairs = [(inputs.numpy().copy(), labels) for inputs, labels in data]
    return [np.concatenate(parts) for parts in zip(*pairs, strict=True)]


def orders(data, epochs):
    """The labels of so many epochs; with labels 0 ... n-1 that is the order of the rows."""
    return [collected(data)[1].tolist() for _ in range(epochs)]


# ---- what comes ---------------------------------------------------------------------------------


@settings(deadline=None)
@given(
    n=st.integers(0, 30),
    shape=st.lists(st.integers(0, 4), max_size=3),
    batch_size=st.integers(1, 35),
    drop_last=st.booleans(),
    dtype=st.sampled_from(["uint8", "int16", "int64", "float32", "float64"]),
)
def test_sizes_and_values(n, shape, batch_size, drop_last, dtype):
    x = np.random.default_rng(n).integers(0, 256, (n, *shape)).astype(dtype)
    expected = (x / 255.0).astype(np.float32) if dtype == "uint8" else x
    data = batches(x, np.arange(n), batch_size, drop_last=drop_last)
    starts = range(0, n - batch_size + 1 if drop_last else n, batch_size)
    assert len(data) == len(starts)
    count = 0
    for start, (inputs, labels) in zip(starts, data, strict=True):
        stop = min(start + batch_size, n)
        assert isinstance(inputs, Tensor)
        assert inputs.dtype == expected.dtype
        assert not inputs.requires_grad
        np.testing.assert_array_equal(inputs.numpy(), expected[start:stop])
        np.testing.assert_array_equal(labels, np.arange(start, stop))
        count += 1
    assert count == len(data)


@pytest.mark.parametrize(
    "y",
    [
        np.arange(N, dtype=np.uint8),
        np.linspace(-1, 1, N, dtype=np.float32),
        np.random.default_rng(1).random((N, 10)),
        np.random.default_rng(1).random((N, 2, 3), dtype=np.float32),
        np.arange(N) % 2 == 0,
        np.asfortranarray(np.random.default_rng(1).random((N, 10))),
    ],
    ids=lambda y: f"{y.dtype}{y.shape[1:]}",
)
def test_labels_of_any_kind(pixels, y):
    data = batches(pixels, y, 5, shuffle=True, seed=3)
    (order,) = orders(batches(pixels, np.arange(N), 5, shuffle=True, seed=3), 1)
    labels = np.concatenate([labels for _, labels in data])
    assert labels.dtype == y.dtype
    np.testing.assert_array_equal(labels, y[order])


def test_lists_and_tensors():
    inputs, labels = next(iter(batches([[1, 2], [3, 4]], [1, 0], 2)))
    assert inputs.dtype == np.float32
    assert (inputs.numpy().tolist(), labels.tolist()) == ([[1, 2], [3, 4]], [1, 0])
    inputs, labels = next(iter(batches(minidl.tensor([[1.0]]), minidl.tensor([2.0]), 2)))
    assert (inputs.numpy().tolist(), labels.tolist()) == ([[1.0]], [2.0])


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_any_memory_layout(pixels, dtype, tmp_path):
    x = pixels.astype(dtype)
    expected = collected(batches(x, np.arange(N), 4))[0]
    read_only = x.copy()
    read_only.flags.writeable = False
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    for other in (
        np.asfortranarray(x), x.repeat(2, axis=1)[:, ::2], x[::-1].copy()[::-1], read_only, mapped
    ):  # fmt: skip
        np.testing.assert_array_equal(collected(batches(other, np.arange(N), 4))[0], expected)


def test_the_data_are_neither_copied_nor_changed(pixels):
    before = pixels.copy()
    data = batches(pixels, np.arange(N), 4)
    for inputs, labels in data:
        inputs.data[:] = -1
        labels[:] = -1
    np.testing.assert_array_equal(pixels, before)
    pixels[:] = 255
    assert (collected(data)[0] == 1).all()


@pytest.mark.parametrize("threads", [2, 3])
def test_same_bits_for_every_number_of_threads(threads):
    x = np.random.default_rng(0).integers(0, 256, (600, 784), dtype=np.uint8)
    with minidl.set_num_threads(1):
        expected = collected(batches(x, np.arange(600), 256, shuffle=True, seed=1))
    with minidl.set_num_threads(threads):
        found = collected(batches(x, np.arange(600), 256, shuffle=True, seed=1))
    np.testing.assert_array_equal(found[0], expected[0])


# ---- the order ----------------------------------------------------------------------------------


def test_without_shuffle_the_order_is_the_data_s(pixels):
    assert orders(batches(pixels, np.arange(N), 4), 2) == [list(range(N))] * 2


@pytest.mark.parametrize("seed", [None, 0])
def test_shuffled_epochs_hold_every_pair_once_each_in_another_order(pixels, seed):
    data = batches(pixels, np.arange(N), 4, shuffle=True, seed=seed)
    seen = [list(range(N))]
    for _ in range(4):
        inputs, labels = collected(data)
        assert sorted(labels) == list(range(N))
        np.testing.assert_array_equal(inputs, (pixels[labels] / 255.0).astype(np.float32))
        assert labels.tolist() not in seen
        seen.append(labels.tolist())


def test_a_seed_fixes_every_epoch(pixels):
    def made(seed):
        return batches(pixels, np.arange(N), 4, shuffle=True, seed=seed)

    expected = orders(made(7), 3)
    random.manual_seed(1)
    assert orders(made(7), 3) == expected
    assert orders(made(np.int64(7)), 3) == expected
    assert orders(made(8), 3)[0] != expected[0]
    left_early = made(7)
    next(iter(left_early))
    assert orders(left_early, 2) == expected[1:]


def test_a_seed_leaves_the_shared_random_numbers_alone(pixels):
    random.manual_seed(5)
    expected = random.generator().random()
    random.manual_seed(5)
    orders(batches(pixels, np.arange(N), 4, shuffle=True, seed=7), 2)
    assert random.generator().random() == expected


def test_without_a_seed_the_order_follows_manual_seed(pixels):
    data = batches(pixels, np.arange(N), 4, shuffle=True)
    random.manual_seed(5)
    expected = orders(data, 2)
    random.manual_seed(5)
    assert orders(data, 2) == expected


def test_drop_last_drops_what_is_last_in_the_shuffled_order(pixels):
    whole = batches(pixels, np.arange(N), 5, shuffle=True, seed=0)
    dropping = batches(pixels, np.arange(N), 5, shuffle=True, seed=0, drop_last=True)
    assert orders(dropping, 1)[0] == orders(whole, 1)[0][:20]


# ---- what comes is the taker's own --------------------------------------------------------------


@pytest.fixture(params=["uint8", "float32"])
def data(request, pixels):
    return batches(pixels.astype(request.param), np.arange(N), 4, shuffle=True, seed=2)


def test_batches_that_are_kept_stay_as_they_came(data):
    expected = (data.x / np.float32(255)) if data.x.dtype == np.uint8 else data.x
    kept = list(data)
    for inputs, labels in kept:
        np.testing.assert_array_equal(inputs.numpy(), expected[labels])
    arrays = [data.x, data.y, *[part for inputs, y in kept for part in (inputs.numpy(), y)]]
    assert not any(np.shares_memory(a, b) for i, a in enumerate(arrays) for b in arrays[:i])


def test_backward_through_an_old_batch(data):
    """Its gradient is the sum of the batch's own inputs."""
    W = minidl.tensor(np.ones((12, 2), np.float32), requires_grad=True)
    losses = [((inputs @ W).sum(), inputs.numpy().sum(axis=0)) for inputs, _ in data]
    for loss, expected in losses:
        W.grad = None
        loss.backward()
        np.testing.assert_allclose(W.grad.numpy()[:, 0], expected, rtol=4 * 2.0**-23)


def test_a_gradient_with_respect_to_a_batch_is_its_own(data):
    iterator = iter(data)
    first, _ = next(iterator)
    first.requires_grad = True
    (first * 2).sum().backward()
    second, _ = next(iterator)
    assert not second.requires_grad
    assert second.grad is None
    assert (first.grad.numpy() == 2).all()


# ---- uint8 that is no pixels --------------------------------------------------------------------

DIGITS = np.random.default_rng(3).integers(0, 17, (40, 6), dtype=np.uint8)


@pytest.mark.parametrize(
    ("x", "told"),
    [
        (DIGITS, True),
        ((DIGITS > 8).astype(np.uint8), True),
        (DIGITS[:31], False),  # a few images may all be dark
        (DIGITS * 0, False),
        (DIGITS.astype(np.float32), False),
        (np.vstack([DIGITS, 128 + DIGITS[:1]]), False),
    ],
)
def test_uint8_that_is_no_pixels_is_told(x, told):
    net = nn.Dense(6, 2)
    uses = {
        "batches": lambda x: batches(x, np.arange(len(x)), 4),
        "predict": lambda x: minidl.predict(net, x),
    }
    for name, use in uses.items():
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            use(x)
        assert [one.category for one in caught] == [minidl.GuardWarning] * told
        assert all(str(one.message).startswith(f"{name}: expected pixels") for one in caught)
        assert all(one.filename == __file__ for one in caught)


@pytest.mark.parametrize("loss", [F.cross_entropy, lambda o, y: F.cross_entropy(o, y)])
def test_without_scale_they_are_trained_on_as_they_are(loss):
    """By the kernel and by the loop: the bits of the same numbers as float32."""
    results = []
    for x, options in ((DIGITS, {"scale": False}), (DIGITS.astype(np.float32), {})):
        random.manual_seed(0)
        net = nn.MLP([6, 8, 3], "tanh")
        optimizer = optim.SGD(net.parameters(), lr=0.1)
        made = batches(x, np.arange(40) % 3, 7, shuffle=True, seed=1, **options)
        np.testing.assert_array_equal(collected(made)[0].max(), 16)
        minidl.TrainingStep(net, loss, optimizer).epoch(made)
        result = train.evaluate(net, made, F.cross_entropy)["loss"]
        results.append([result, *[p.data.tobytes() for p in net.parameters()]])
    assert results[0] == results[1]


# ---- weights ------------------------------------------------------------------------------------


@pytest.mark.parametrize("weights", [np.arange(N), np.arange(N)[::-1].tolist(), np.ones(N, bool)])
def test_weights_come_with_their_rows(pixels, weights):
    data = batches(pixels, np.arange(N), 5, shuffle=True, seed=0, sample_weight=weights)
    triples = list(data)
    assert len(triples) == len(data)
    for inputs, rows, w in [*triples, data.take([3, 1])]:
        np.testing.assert_array_equal(w, np.asarray(weights)[rows])
        assert (w.dtype, w.shape) == (np.float64, rows.shape)
        assert not np.shares_memory(w, data.sample_weight)
        np.testing.assert_array_equal(inputs.numpy(), (pixels[rows] / 255.0).astype(np.float32))
    others = data.with_inputs(np.zeros((N, 2)))
    np.testing.assert_array_equal(others.sample_weight, weights)
    assert batches(pixels, np.arange(N), 5).sample_weight is None


def test_weights_count_in_the_checksum_and_cannot_be_replaced(pixels):
    kinds = None, np.ones(N), np.arange(N)
    made = [batches(pixels, np.arange(N), 5, sample_weight=weights) for weights in kinds]
    assert len({data.settings()["data"] for data in made}) == 3
    with pytest.raises(AttributeError, match="sample_weight"):
        made[1].sample_weight = np.ones(4)


class Iterated:
    """Batches of which nothing is known."""

    def __init__(self, data):
        self.data = data

    def __iter__(self):
        return iter(self.data)


@pytest.mark.parametrize(
    "way", [lambda data: data, Iterated, list], ids=["rows", "iterable", "list"]
)
def test_fit_on_weighted_rows_is_the_loop(way):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(N, 3)), rng.integers(0, 2, N)
    data = batches(x, y, 5, shuffle=True, seed=0, sample_weight=rng.integers(0, 4, N) + 0.5)
    results = []
    for is_loop in (True, False):
        minidl.manual_seed(0)
        net = nn.MLP([3, 4, 2]).astype("float64")
        optimizer = optim.SGD(net.parameters(), 0.1)
        data.epoch = 1
        if is_loop:
            for inputs, labels, weights in data:
                optimizer.zero_grad()
                F.cross_entropy(net(inputs), labels, sample_weight=weights).backward()
                optimizer.step()
        else:
            train.fit(net, way(data), F.cross_entropy, optimizer, epochs=1, progress=False)
        results.append([p.data.tobytes() for p in net.parameters()])
    assert results[0] == results[1]


# ---- what is refused, at the call ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"y": np.arange(N - 1)}, ShapeError, "(23, 12) and (22,)"),
        ({"y": np.array(1)}, ShapeError, "y of shape (n, ...), got ()"),
        ({"y": [[1.0], [1.0, 2.0]]}, ShapeError, "y in rows of equal length"),
        ({"x": np.float32(1)}, ShapeError, "() and (23,)"),
        ({"x": np.zeros((N, 2), bool)}, DTypeError, "got bool. Try: x.astype"),
        ({"x": np.zeros((N, 2), np.float16)}, DTypeError, "float16"),
        ({"x": np.array(["a"] * N)}, DTypeError, "<U1"),
        ({"batch_size": 0}, ArgumentError, "batch_size as a whole number from 1 up, got 0"),
        ({"batch_size": -4}, ArgumentError, "got -4"),
        ({"batch_size": 2.0}, ArgumentError, "got 2.0"),
        ({"batch_size": True}, ArgumentError, "got True"),
        ({"batch_size": None}, ArgumentError, "got None"),
        ({"seed": -1}, ArgumentError, "seed as a whole number from 0 up, got -1"),
        ({"seed": 1.5}, ArgumentError, "got 1.5"),
        ({"sample_weight": np.ones(4)}, ShapeError, "sample_weight of shape (23,), got (4,)"),
        ({"sample_weight": np.ones((N, 1))}, ShapeError, "got (23, 1)"),
        ({"sample_weight": [-1.0] + [1.0] * 22}, ArgumentError, "from 0 up, got -1.0 at index 0"),
        ({"sample_weight": [np.nan] * N}, ArgumentError, "got nan at index 0"),
        ({"sample_weight": [np.inf] * N}, ArgumentError, "got inf at index 0"),
        ({"sample_weight": ["a"] * N}, DTypeError, "integer or bool"),
    ],
)
def test_refused(pixels, change, error, words):
    with pytest.raises(error) as refusal:
        batches(**{"x": pixels, "y": np.arange(N), "batch_size": 4, **change})
    assert words in str(refusal.value)


def test_a_batch_size_beyond_the_data_takes_no_memory_for_it(pixels):
    ((inputs, _),) = batches(pixels, np.arange(N), 10**15)
    assert inputs.shape == (N, 12)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([0, N], f"rows from 0 to {N - 1}, got 0 to {N}"),
        ([-1], "got -1 to -1"),
        ([[0]], "of shape (1, 1)"),
        ([0.5], "whole numbers, got float64"),
    ],
)
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_rows_that_are_not_there_are_refused(pixels, dtype, rows, words):
    data = batches(pixels.astype(dtype), np.arange(N), 4)
    for use in (data.walk, data.take):
        with pytest.raises(ArgumentError) as refusal:
            use(rows)
        assert words in str(refusal.value)
    (inputs, labels), *more = data.walk([3, 3])
    assert (labels.tolist(), more) == ([3, 3], [])
    np.testing.assert_array_equal(inputs.numpy(), data.take(np.array([3, 3], np.uint8))[0].numpy())
