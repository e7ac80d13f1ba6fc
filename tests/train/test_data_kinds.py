"""What fit, evaluate and predict are given as data: taken as it is meant, or refused."""

import re

import numpy as np
import pandas
import pytest
import scipy.sparse

import minidl
from minidl import TrainingStep, data, nn, optim, train
from minidl import functional as F

RNG = np.random.default_rng(8)
X = RNG.normal(size=(40, 4))
SINGLE = X.astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64)
IDS = RNG.integers(0, 10, (40, 3))


class Embedding(nn.Layer):
    """A user's own first layer, which takes whole numbers."""

    def __init__(self):
        self.table = nn.Parameter(np.random.default_rng(1).normal(size=(10, 4)).astype(np.float32))

    def forward(self, x):
        assert x.dtype.kind == "i"
        return self.table[minidl.tensor(x).data].mean(1)


def net(dtype=np.float32, first=None):
    minidl.manual_seed(3)
    layers = [] if first is None else [first()]
    return nn.Sequential(*layers, nn.Dense(4, 5), nn.Tanh(), nn.Dense(5, 2)).astype(dtype)


def trained(given, dtype=np.float32, first=None, **options):
    """What training leaves, and what fit, evaluate and predict say."""
    model = net(dtype, first)
    history = train.fit(
        model, given, F.cross_entropy, optim.Adam(model.parameters(), 0.1), 2, progress=False,
        validation=given, metrics=["accuracy"], **options,
    )  # fmt: skip
    found = train.evaluate(model, given, F.cross_entropy)
    return [p.data.tobytes() for p in model.parameters()], history.rows, found


AS = {
    "pair": lambda x: (x, Y),
    "batches": lambda x: data.batches(x, Y, 64),
    "list": lambda x: [(x, Y)],
}


@pytest.mark.parametrize("kind", AS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_floats_become_those_of_the_model(kind, dtype):
    """Half precision too, but `data.batches` makes no tensors of it."""
    for given in ("float32", "float64", *(() if kind == "batches" else ("float16",))):
        x = X.astype(given)
        made, like = AS[kind](x), AS[kind](x.astype(dtype))
        assert trained(made, dtype) == trained(like, dtype)
    np.testing.assert_array_equal(
        train.predict(net(dtype), X), train.predict(net(dtype), X.astype(dtype))
    )


def test_pixels_become_numbers_in_batches_of_any_kind():
    pixels = RNG.integers(0, 256, (40, 4), np.uint8)
    expected = trained((pixels, Y), shuffle=False)
    for given in ([(pixels, Y)], [(minidl.Tensor(pixels), Y)], data.batches(pixels, Y, 64)):
        assert trained(given) == expected


def test_pixels_of_a_model_in_double_precision():
    pixels = RNG.integers(0, 256, (40, 4), np.uint8)
    for kind in AS.values():
        assert trained(kind(pixels), "float64") == trained(kind(pixels / 255), "float64")


@pytest.mark.parametrize("kind", AS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_uint8_that_is_no_pixels_is_told_in_data_of_any_kind(kind, dtype):
    counts, model = RNG.integers(0, 17, (40, 4), np.uint8), net(dtype)
    optimizer = optim.SGD(model.parameters(), 0.1)
    for use in (
        lambda: train.fit(model, AS[kind](counts), F.cross_entropy, optimizer, progress=False),
        lambda: train.evaluate(model, AS[kind](counts), F.cross_entropy),
        lambda: train.predict(model, counts),
    ):
        with pytest.warns(minidl.GuardWarning, match="pixels from 0 to 255"):
            use()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_lists_and_tables_are_arrays(dtype):
    expected = trained((X.astype(dtype), Y), dtype)
    shuffled = np.arange(40)[::-1]  # the rows' order counts, not their names
    for given in (
        (X.tolist(), Y.tolist()),
        (pandas.DataFrame(X, index=shuffled), pandas.Series(Y)),
        (minidl.Tensor(X), minidl.Tensor(Y)),
    ):
        assert trained(given, dtype) == expected
    np.testing.assert_array_equal(
        train.predict(net(dtype), X[:1].tolist()), train.predict(net(dtype), X[:1])
    )


def test_shuffled_batches_that_are_converted_keep_their_epoch():
    given, like = (data.batches(x, Y, 8, shuffle=True, seed=1) for x in (X, SINGLE))
    by_hand = net()
    step = TrainingStep(by_hand, F.cross_entropy, optim.Adam(by_hand.parameters(), 0.1))
    expected = [step.epoch(like).mean() for _ in range(3)]
    model = net()
    optimizer = optim.Adam(model.parameters(), 0.1)
    losses = []
    for epochs in (2, 1):
        losses += train.fit(
            model, given, F.cross_entropy, optimizer, epochs, progress=False
        )["loss"]  # fmt: skip
    assert losses == expected
    assert given.epoch == like.epoch == 3
    assert given.x is X


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint16"])
def test_whole_numbers_reach_a_layer_that_looks_them_up(dtype):
    class Own(Embedding):
        def forward(self, x):
            assert x.dtype == dtype
            return self.table[minidl.tensor(x).data].mean(1)

    ids = IDS.astype(dtype)
    by_hand = net(first=Own)
    optimizer = optim.Adam(by_hand.parameters(), 0.1)
    losses = []
    for _ in range(2):
        optimizer.zero_grad()
        loss = F.cross_entropy(by_hand(minidl.Tensor(ids)), Y)
        losses.append(loss.item())
        loss.backward()
        optimizer.step()
    for kind in AS.values():
        weights, rows, _ = trained(kind(ids), first=Own, shuffle=False)
        assert [row["loss"] for row in rows] == losses
        assert weights == [p.data.tobytes() for p in by_hand.parameters()]


# ---- What is refused ----------------------------------------------------------------------------


class Samples:
    """A data set of samples, as PyTorch has them."""

    def __len__(self):
        return len(X)

    def __getitem__(self, i):
        return SINGLE[i], Y[i]


class Iterated(Samples):
    def __iter__(self):
        return (self[i] for i in range(len(self)))


REFUSED = {
    "words": ((np.array(list("xy") * 20).reshape(-1, 1), Y), "Try: data.table"),
    "a table": (pandas.DataFrame(X), "Try: key=([...], 'y')"),
    "a list of two": ([pandas.DataFrame(X), pandas.Series(Y)], "(x, y), a tuple of two"),
    "an array": (X, "a pair (x, y)"),
    "three": ((X, Y, Y), "got tuple of 3"),
    "a dict": ({"x": X, "y": Y}, "a pair (x, y)"),
    "text": ("mnist", "a pair (x, y)"),
    "nothing": (None, "a pair (x, y)"),
    "sparse x": ((scipy.sparse.csr_matrix(X), Y), "x.toarray()"),
    "sparse y": ((SINGLE, scipy.sparse.csr_array(np.eye(2)[Y])), "y.toarray()"),
    "dicts": ([{"image": X, "label": Y}], "[(batch['image'], batch['label']) for batch in data]"),
    "fours": ([(X, Y, Y, Y)], "got tuple of 4"),
    "arrays": (
        [X[:3], X[3:], X],
        "got list of 3. Try: (x, y), a tuple of two; weights as sample_weight",
    ),
    "rows": ((SINGLE, Y[:-1]), "(39,)", "40 and 39 rows"),
    "no rows": ((SINGLE[:0], Y[:0]), "got 0 rows.", "at least one row, got none."),
    "ragged": (([[1.0], [1.0, 2.0]], [0, 1]), "x in rows of equal length"),
    "no y": ((SINGLE, None), "y of shape (n, ...)"),
    "words as y": ((SINGLE, np.array(["no", "yes"])[Y]), "np.unique(words, return_inverse=True)"),
    "one-hot": ((SINGLE, np.eye(2, dtype=int)[Y]), "targets.argmax(1) of one-hot rows"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_data_is_refused_with_a_hint(kind):
    given, *messages = REFUSED[kind]
    model = net()
    optimizer = optim.Adam(model.parameters())
    before = model.state_dict()
    with pytest.raises(minidl.MinidlError, match=re.escape(messages[0])):
        train.fit(model, given, F.cross_entropy, optimizer, progress=False)
    with pytest.raises(minidl.MinidlError, match=re.escape(messages[-1])):
        train.evaluate(model, given, F.cross_entropy, ["accuracy"])
    assert all((before[name] == array).all() for name, array in model.state_dict().items())


@pytest.mark.parametrize(
    ("given", "hint"),
    [(scipy.sparse.csr_matrix(X), "toarray()"), (np.ma.masked_less(SINGLE, 0), "filled(0)")],
    ids=["sparse", "masked"],
)
def test_what_numpy_would_make_something_else_of_is_told_everywhere(given, hint):
    for call in (
        lambda: minidl.tensor(given),
        lambda: minidl.predict(net(), given),
        lambda: train.predict(net(), given),
        lambda: train.evaluate(net(), (given, Y), F.cross_entropy),
        lambda: data.batches(given, Y, 4),
        lambda: F.relu(given),
        lambda: F.cross_entropy(given[:, :2], Y),
    ):
        with pytest.raises(minidl.DTypeError, match=re.escape(f"Try: x.{hint}")):
            call()
    with pytest.raises(minidl.DTypeError, match=re.escape(f"Try: y.{hint}")):
        data.batches(SINGLE, given, 4)


def test_a_masked_array_of_which_nothing_is_masked_is_an_array():
    assert trained((np.ma.masked_array(SINGLE), Y)) == trained((SINGLE, Y))


@pytest.mark.parametrize(
    ("given", "message"),
    [REFUSED["dicts"], REFUSED["fours"], (Iterated(), "Try: batch_size=64, if these are samples")],
    ids=["dicts", "fours", "samples"],
)
def test_a_step_takes_batches_of_two(given, message):
    model = net()
    step = TrainingStep(model, F.cross_entropy, optim.SGD(model.parameters(), 0.1))
    with pytest.raises(minidl.ArgumentError, match=re.escape(message)):
        step.epoch(given)


def test_generators_of_metrics_and_callbacks_are_not_used_up_by_the_look_at_them():
    model = net()
    stopping = train.EarlyStopping()
    history = train.fit(
        model, (SINGLE, Y), F.cross_entropy, optim.SGD(model.parameters(), 0.1), progress=False,
        validation=(X, Y), metrics=(name for name in ["f1"]), callbacks=iter([stopping]),
    )  # fmt: skip
    assert history[-1]["validation_f1"] == train.evaluate(model, (X, Y), None, ["f1"])["f1"]
    assert stopping.best_epoch == 1


@pytest.mark.parametrize("kind", [Samples, Iterated])
def test_samples_are_rows(kind):
    assert trained(kind(), shuffle=False) == trained((SINGLE, Y), shuffle=False)
