"""fit's data in all its forms: weights of rows and classes, rows kept for validation, data sets,
dicts, endless iterables. Each is compared with the same rows as a pair or a list of batches."""

import itertools
from functools import partial

import numpy as np
import pandas
import pytest
from cut import CutAfter, CutError
from sklearn.utils.class_weight import compute_sample_weight

import minidl
from minidl import TrainingStep, data, nn, optim, train
from minidl import functional as F
from minidl.train.rows import class_weights, split

RNG = np.random.default_rng(21)
X = RNG.normal(size=(50, 4)).astype(np.float32)
Y = RNG.integers(0, 3, 50)
W = RNG.uniform(0.1, 3, 50)


def trained(given, loss=F.cross_entropy, epochs=3, callbacks=(), layers=(), **options):
    """The weights' bits and the history that training leaves."""
    minidl.manual_seed(5)
    net = nn.Sequential(nn.Dense(4, 7), nn.Tanh(), nn.Dropout(0.3), *layers, nn.Dense(7, 3))
    optimizer = optim.Adam(net.parameters(), 0.05)
    options = {"progress": False, "guards": False} | options
    history = train.fit(net, given, loss, optimizer, epochs, callbacks=callbacks, **options)
    return [p.data.tobytes() for p in net.parameters()], history.rows


def refused(match, given, **options):
    with pytest.raises(minidl.MinidlError, match=match):
        trained(given, **options)


# ---- Weights ------------------------------------------------------------------------------------


def test_a_weighted_step_is_that_of_the_weighted_mean():
    """sum w (x·a - y)² / sum w, by its formula."""
    net = nn.Dense(4, 1).astype("float64")
    y = RNG.normal(size=(50, 1))
    before, bias = net.weight.data.copy(), net.bias.data.copy()
    train.fit(net, (X, y), F.mse, optim.SGD(net.parameters(), 0.1), batch_size=50,
              sample_weight=W, class_weight=None, progress=False)  # fmt: skip
    x, w = X.astype(np.float64), W[:, None]
    slope = 2 * w * (x @ before + bias - y) / W.sum()
    np.testing.assert_allclose(net.weight.data, before - 0.1 * x.T @ slope, rtol=1e-12)
    np.testing.assert_allclose(net.bias.data, bias - 0.1 * slope.sum(0), rtol=1e-12)


def drawn_weights(random, y):
    """Options of fit, and the weights of the rows that they mean."""
    options, weights = {}, np.ones(len(y))
    if random.random() < 0.6:
        weights = random.uniform(0.1, 3, len(y))
        options["sample_weight"] = weights if random.random() < 0.5 else weights.tolist()
    kind = random.integers(3)
    if kind == 1:
        options["class_weight"] = "balanced"
        weights = weights * compute_sample_weight("balanced", y)
    elif kind == 2:
        named = dict(enumerate(random.uniform(0.1, 4, int(y.max()) + 1)))
        named.pop(int(random.integers(len(named))))
        named = {label: weight for label, weight in named.items() if label in y}
        options["class_weight"] = named
        weights = weights * np.array([named.get(label, 1.0) for label in y.tolist()])
    return options, weights


@pytest.mark.parametrize("seed", range(30))
def test_weights_in_the_kernel_and_in_the_loop(seed):
    """The options, the third item of batches in a list, and a data set's third item are the same
    bits; so are labels of every dtype."""
    random = np.random.default_rng(seed)
    rows, size = int(random.integers(2, 50)), int(random.integers(1, 60))
    x, y = X[:rows], Y[:rows].astype(random.choice(["int64", "uint8", "float32"]))
    options, weights = drawn_weights(random, y)
    loss = partial(F.cross_entropy, reduction=str(random.choice(["mean", "batchmean", "sum"])))
    epochs = int(random.integers(1, 4))
    whole = trained((x, y), loss, epochs, shuffle=False, batch_size=size, **options)
    parts = [slice(i, i + size) for i in range(0, rows, size)]
    if options:
        listed = [(x[part], y[part], weights[part]) for part in parts]
        samples = list(zip(x, y, weights, strict=True))
    else:
        listed, samples = [(x[part], y[part]) for part in parts], list(zip(x, y, strict=True))
    assert trained(listed, loss, epochs) == whole
    assert trained(samples, loss, epochs, shuffle=False, batch_size=size) == whole


def test_class_weight_is_the_weight_of_the_loss():
    weights = [0.5, 2.0, 3.0]
    _, of_loss = trained((X, Y), partial(F.cross_entropy, weight=weights), seed=1)
    _, of_fit = trained((X, Y), seed=1, class_weight=dict(enumerate(weights)))
    for one, other in zip(of_loss, of_fit, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-5)


def test_class_weight_of_a_column_of_yes_and_no():
    y = (Y[:, None] == 1).astype(np.float32)
    assert class_weights(y, {1.0: 3.0}).tolist() == np.where(Y == 1, 3.0, 1.0).tolist()


# ---- Rows for validation ------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(40))
def test_every_class_has_its_share_of_the_validation_rows(seed):
    random = np.random.default_rng(seed)
    n, classes = int(random.integers(2, 300)), int(random.integers(1, 12))
    y = random.integers(0, classes, n) * int(random.integers(1, 5))
    share = random.uniform(0.5 / n, 1 - 0.51 / n)
    kept = split(y, share, seed)
    assert sorted(np.concatenate(kept)) == list(range(n))
    assert len(kept[1]) == round(share * n)
    for label in np.unique(y):
        of_class = (y == label).sum()
        assert abs((y[kept[1]] == label).sum() - of_class * len(kept[1]) / n) < 1
    assert all(map(np.array_equal, kept, split(y, share, seed)))
    floats = split(y + 0.5, share, seed)
    assert sorted(np.concatenate(floats)) == list(range(n))


def test_each_row_is_as_likely_to_be_kept():
    times = np.zeros(12)
    for seed in range(2000):
        times[split(np.array([0] * 7 + [1] * 5), 0.25, seed)[1]] += 1
    assert abs(times / 2000 - 0.25).max() < 5 * (0.25 * 0.75 / 2000) ** 0.5


@pytest.mark.parametrize("y", [Y, RNG.normal(size=(50, 3))], ids=["labels", "numbers"])
def test_a_split_is_two_pairs(y):
    loss = F.cross_entropy if y is Y else F.mse
    rest, kept = split(y, 0.3, 4)
    whole = trained((X, y), loss, seed=4, validation_split=0.3, sample_weight=W)
    apart = trained((X[rest], y[rest]), loss, seed=4, validation=(X[kept], y[kept]),
                    sample_weight=W[rest])  # fmt: skip
    assert whole == apart
    frame = pandas.DataFrame(X), y
    assert trained(frame, loss, seed=4, validation_split=0.3, sample_weight=W) == apart


# ---- Data sets, dicts, tables -------------------------------------------------------------------


class DataSet:
    """Samples as PyTorch has them: tuples, dicts with `names`, and maybe weights."""

    def __init__(self, names=None, parts=(X, Y)):
        self.names, self.parts, self.read = names, parts, []

    def __len__(self):
        return len(X)

    def __getitem__(self, i):
        self.read.append(i)
        sample = [part[i] for part in self.parts]
        return sample if self.names is None else dict(zip(self.names, sample, strict=True))


@pytest.mark.parametrize("seed", [None, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_data_set_is_its_rows(seed, weighted):
    parts = (X, Y, W) if weighted else (X, Y)
    more = {"sample_weight": W} if weighted else {}
    options = {"seed": seed, "batch_size": 8}
    whole = trained((X, Y), validation=(X, Y), metrics=["accuracy"], **options, **more)
    options |= {"metrics": ["accuracy"], "validation": DataSet()}
    assert trained(DataSet(parts=parts), **options) == whole
    names = ["image", "label", "weight"][: len(parts)]
    options["validation"] = DataSet(names[:2])
    assert trained(DataSet(names, parts), key=names, **options) == whole


def test_samples_are_read_when_their_batch_is_made():
    given = DataSet()
    trained(given, epochs=2, batch_size=20)
    tried, read = given.read[:20], given.read[20:]
    assert tried == [*range(20)], "before the first step"
    assert sorted(read) == sorted([*range(50)] * 2)


def test_batches_and_tables_by_key():
    parts = [slice(i, i + 8) for i in range(0, 50, 8)]
    listed = trained([(X[p], Y[p], W[p]) for p in parts])
    dicts = [{"w": W[p], "a": X[p], "b": Y[p]} for p in parts]
    assert trained(dicts, key=["a", "b", "w"]) == listed
    frame = pandas.DataFrame(X, columns=list("abcd")).assign(kind=Y)
    pair = trained((X, Y), seed=2)
    assert trained(frame, key=(list("abcd"), "kind"), seed=2) == pair
    assert trained({"x": X, "y": Y}, key=("x", "y"), seed=2) == pair


def test_evaluate_takes_data_sets():
    net = nn.Dense(4, 3)
    found = train.evaluate(net, DataSet(), F.cross_entropy, ["accuracy"])
    assert found == train.evaluate(net, (X, Y), F.cross_entropy, ["accuracy"])


# ---- Endless iterables --------------------------------------------------------------------------


def endless(shift=0):
    for i in itertools.count(shift):
        rows = np.random.default_rng(i).integers(0, 50, 6)
        yield X[rows], Y[rows]


class Anew:
    """Five batches, as often as wanted."""

    def __iter__(self):
        return itertools.islice(endless(), 5)


def test_epochs_of_an_endless_iterable():
    minidl.manual_seed(5)
    net = nn.Sequential(nn.Dense(4, 7), nn.Tanh(), nn.Dropout(0.3), nn.Dense(7, 3))
    step = TrainingStep(net, F.cross_entropy, optim.Adam(net.parameters(), 0.05))
    losses = step.epoch(itertools.islice(endless(), 12))
    weights, rows = trained(endless(), steps_per_epoch=4)
    assert weights == [p.data.tobytes() for p in net.parameters()]
    assert [row["loss"] for row in rows] == losses.reshape(3, 4).mean(1).tolist()
    dicts = ({"x": x, "y": y} for x, y in endless())
    assert trained(dicts, key=("x", "y"), steps_per_epoch=4)[0] == weights


def test_an_iterable_that_ends_begins_anew():
    batches = [*Anew(), *Anew(), *Anew()][:12]
    expected = trained(iter(batches), steps_per_epoch=4)
    assert trained(Anew(), steps_per_epoch=4) == expected
    refused("12 batches.*got data that ends after 5", iter([*Anew()]), steps_per_epoch=12)


# ---- Resuming -----------------------------------------------------------------------------------


FORMS = {
    "data set": (lambda: DataSet(), {"batch_size": 8, "seed": 3}),
    "data set, no seed": (lambda: DataSet(), {"batch_size": 8}),
    "stream": (endless, {"steps_per_epoch": 7}),
    "anew": (Anew, {"steps_per_epoch": 7}),
    "split": (lambda: (X, Y), {"batch_size": 6, "validation_split": 0.3, "sample_weight": W}),
}


@pytest.mark.parametrize("form", FORMS)
def test_cut_and_resumed(form, tmp_path):
    make, options = FORMS[form]
    whole = trained(make(), **options)
    for cut in (1, 8, 13):
        saving = train.Checkpoint(tmp_path / str(cut), every_steps=3)
        with pytest.raises(CutError):
            trained(make(), callbacks=[CutAfter(cut), saving], resume=True, **options)
        assert trained(make(), callbacks=[saving], resume=True, **options) == whole, cut


def test_another_length_of_an_epoch_is_refused(tmp_path):
    saving = train.Checkpoint(tmp_path)
    trained(endless(), callbacks=[saving], steps_per_epoch=3, epochs=1)
    refused("steps_per_epoch 3, as when training began", endless(), callbacks=[saving],
            steps_per_epoch=4, resume=True)  # fmt: skip


# ---- Refused ------------------------------------------------------------------------------------

BATCHES = [(X, Y)]


@pytest.mark.parametrize(
    ("given", "options", "match"),
    [
        ((X, Y), {"sample_weight": W[:-1]}, "sample_weight of shape .50,."),
        ((X, Y), {"sample_weight": -W}, "finite numbers from 0 up"),
        ((X, Y), {"class_weight": "equal"}, "'balanced', or a dict"),
        ((X, Y), {"class_weight": {7: 1.0}}, "of the labels 0, 1, 2, got 7"),
        ((X, Y), {"class_weight": {0: "much"}}, "class_weight of numbers"),
        ((X, Y), {"class_weight": {0: -1.0}}, "finite numbers from 0 up"),
        ((X, np.eye(3)[Y]), {"class_weight": "balanced"}, r"y.argmax\(1\) of one-hot"),
        ((X, Y + 0.5), {"class_weight": "balanced"}, "whole numbers"),
        ((X, Y), {"validation_split": 0.0}, "share between 0 and 1"),
        ((X, Y), {"validation_split": 1}, "share between 0 and 1"),
        ((X, Y), {"validation_split": 0.001}, "got 0.001 of 50 rows"),
        ((X, Y), {"validation_split": 0.5, "validation": (X, Y)}, "got both"),
        ((X, Y), {"steps_per_epoch": 3}, "steps_per_epoch beside an iterable"),
        (DataSet(), {"steps_per_epoch": 3}, "steps_per_epoch beside an iterable"),
        (BATCHES, {"steps_per_epoch": 0}, "a whole number from 1 up"),
        (BATCHES, {"sample_weight": W}, "sample_weight beside a pair.*batches .x, y, weights."),
        (BATCHES, {"class_weight": "balanced"}, "class_weight beside a pair"),
        (BATCHES, {"validation_split": 0.1}, "validation_split beside a pair"),
        (data.batches(X, Y, 9), {"batch_size": 8}, "batch_size beside a pair"),
        ((X, Y), {"key": ("a", "b")}, "a key beside batches"),
        ([{"a": X, "b": Y}], {"key": ("a", "c")}, r"'a', 'c' in each part.*got \['a', 'b'\]"),
        (BATCHES, {"key": ("a", "b")}, "got tuple"),
        (BATCHES, {"key": "ab"}, "got key='ab'"),
        ({"a": X, "b": Y, "w": W}, {"key": ["a", "b", "w"]}, r"sample_weight=data\['w'\]"),
        (DataSet(["a", "b"]), {}, "key="),
        ([(X[0], Y[0]), (X[1],)], {"batch_size": 2}, "1 and 2 parts"),
        ([(X[0], 1), (X[1, :2], 1)], {"batch_size": 2}, "samples of one shape"),
        ([], {"batch_size": 2}, "at least one sample"),
        (X, {"batch_size": 2}, "data: a pair"),
        ([X, Y], {"batch_size": 2}, "a tuple of two"),
    ],
)
def test_refused_before_the_first_step(given, options, match):
    random = minidl.random.random_state
    minidl.manual_seed(5)
    before = random()
    net = nn.Dense(4, 3)
    kept = net.weight.data.copy()
    minidl.manual_seed(5)
    with pytest.raises(minidl.MinidlError, match=match):
        train.fit(net, given, F.cross_entropy, optim.SGD(net.parameters(), 1.0), progress=False,
                  **options)  # fmt: skip
    assert (net.weight.data == kept).all()
    assert given is BATCHES or random() == before


# ---- Half precision -----------------------------------------------------------------------------


def test_half_precision_becomes_single():
    x, y = X.astype(np.float16), RNG.normal(size=(50, 3)).astype(np.float16)
    single = x.astype(np.float32), y.astype(np.float32)
    options = {"seed": 1, "validation_split": 0.2}
    assert trained((x, y), F.mse, **options) == trained(single, F.mse, **options)
    assert trained([(x, y)], F.mse) == trained([single], F.mse)
    net = nn.Dense(4, 3)
    assert train.evaluate(net, (x, y), F.mse) == train.evaluate(net, single, F.mse)


# ---- Weighted evaluation ------------------------------------------------------------------------


def test_evaluation_with_weights_by_its_formulas():
    """In all ways of giving them."""
    net = nn.Dense(4, 3).astype("float64")
    z = X.astype(np.float64) @ net.weight.data + net.bias.data
    losses = np.log(np.exp(z).sum(1)) - z[np.arange(50), Y]
    hits = z.argmax(1) == Y
    expected = {"loss": (W * losses).sum() / W.sum(), "accuracy": (W * hits).sum() / W.sum()}
    parts = [slice(i, i + 8) for i in range(0, 50, 8)]
    for given, options in (
        ((X, Y), {"sample_weight": W.tolist()}),
        (data.batches(X, Y, 8, sample_weight=W), {}),
        ([(X[part], Y[part], W[part]) for part in parts], {}),
        (DataSet(parts=(X, Y, W)), {}),
        (DataSet(["x", "y", "w"], (X, Y, W)), {"key": ("x", "y", "w")}),
        ({"x": X, "y": Y}, {"key": ("x", "y"), "sample_weight": W}),
    ):
        found = train.evaluate(net, given, F.cross_entropy, ["accuracy"], **options)
        assert found == pytest.approx(expected, rel=1e-12)


def test_validation_on_weighted_batches():
    _, rows = trained((X, Y), seed=1, validation=[(X, Y, W)], metrics=["accuracy"])
    _, same = trained((X, Y), seed=1, validation=data.batches(X, Y, 9, sample_weight=W),
                      metrics=["accuracy"])  # fmt: skip
    _, alike = trained((X, Y), seed=1, validation=(X, Y), metrics=["accuracy"])
    assert rows == same
    assert rows != alike


@pytest.mark.parametrize(
    ("given", "options", "match"),
    [
        ((X, Y), {"sample_weight": W[:-1]}, r"sample_weight of shape \(50,\)"),
        ((X, Y), {"sample_weight": 0 * W}, "do not add up to 0"),
        ((X, Y), {"sample_weight": -W}, "finite numbers from 0 up"),
        ((X, Y), {"sample_weight": W, "metrics": [lambda y, z: 0.0]}, "unlike <lambda>"),
        (BATCHES, {"sample_weight": W}, "beside a pair"),
        ([(X, Y), (X, Y, W)], {}, "in all batches, or in none"),
    ],
)
def test_weights_that_evaluate_refuses(given, options, match):
    with pytest.raises(minidl.MinidlError, match=match):
        train.evaluate(nn.Dense(4, 3), given, F.cross_entropy, **options)
