"""Other libraries' data as data of minidl's: each source gives what its arrays give, to the bit.

SOURCES has a try for each library: it makes the same rows, in order and in batches of 8, for
`fit`, `evaluate` and `TrainingStep.epoch`, and says with which options.
"""

import numpy as np
import pytest

import minidl
from minidl import TrainingStep, nn, optim, train
from minidl import functional as F

RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(50, 4)).astype(np.float32), RNG.integers(0, 3, 50)
PARTS = [slice(i, i + 8) for i in range(0, 50, 8)]
KEY = {"key": ("image", "label")}


def torch_loader():
    """A DataLoader of tensors."""
    torch = pytest.importorskip("torch")
    rows = torch.utils.data.TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))
    return torch.utils.data.DataLoader(rows, batch_size=8), {}


def torch_loader_of_dicts():
    """A DataLoader whose samples are dicts."""
    torch = pytest.importorskip("torch")
    rows = [{"image": x, "label": y} for x, y in zip(torch.from_numpy(X), Y, strict=True)]
    return torch.utils.data.DataLoader(rows, batch_size=8), KEY


def torch_data_set():
    """A data set of tensors, without a DataLoader."""
    torch = pytest.importorskip("torch")
    rows = torch.utils.data.TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))
    return rows, {"batch_size": 8, "shuffle": False}


def hugging_face():
    """A Dataset, as samples by name."""
    datasets = pytest.importorskip("datasets")
    made = datasets.Dataset.from_dict({"image": X, "label": Y})
    return made.with_format("numpy"), {"batch_size": 8, "shuffle": False, **KEY}


def hugging_face_batches():
    """A Dataset in batches of its own."""
    datasets = pytest.importorskip("datasets")
    made = datasets.Dataset.from_dict({"image": X, "label": Y})
    return made.with_format("numpy").batch(8), KEY


def hugging_face_stream():
    """An IterableDataset, which is read as it is needed."""
    datasets = pytest.importorskip("datasets")
    made = datasets.Dataset.from_dict({"image": X, "label": Y}).to_iterable_dataset()
    return made.with_format("numpy").batch(8), KEY


def tensorflow_pairs():
    """A tf.data.Dataset of pairs of eager tensors."""
    tf = pytest.importorskip("tensorflow")
    return tf.data.Dataset.from_tensor_slices((X, Y)).batch(8), {}


def tensorflow_dicts():
    """A tf.data.Dataset of dicts."""
    tf = pytest.importorskip("tensorflow")
    return tf.data.Dataset.from_tensor_slices({"image": X, "label": Y}).batch(8), KEY


SOURCES = {
    "PyTorch DataLoader": torch_loader,
    "PyTorch DataLoader, dicts": torch_loader_of_dicts,
    "PyTorch Dataset": torch_data_set,
    "Hugging Face Dataset": hugging_face,
    "Hugging Face Dataset.batch": hugging_face_batches,
    "Hugging Face IterableDataset": hugging_face_stream,
    "tf.data.Dataset": tensorflow_pairs,
    "tf.data.Dataset, dicts": tensorflow_dicts,
}


def trained(given, options):
    minidl.manual_seed(1)
    net = nn.MLP([4, 6, 3])
    history = train.fit(
        net, given, F.cross_entropy, optim.Adam(net.parameters(), 0.05), 3, progress=False,
        validation=given, metrics=["accuracy"], **options,
    )  # fmt: skip
    return history.rows, train.predict(net, X).tolist()


def through_steps(given):
    minidl.manual_seed(1)
    net = nn.MLP([4, 6, 3])
    step = TrainingStep(net, F.cross_entropy, optim.Adam(net.parameters(), 0.05))
    return [step.epoch(given).tolist() for _ in range(2)]


def check(source):
    """AssertionError unless the source gives what its arrays give."""
    given, options = source()
    listed = [(X[part], Y[part]) for part in PARTS]
    assert trained(given, options) == trained(listed, {})
    net = nn.MLP([4, 6, 3])
    key = {name: value for name, value in options.items() if name == "key"}
    found = train.evaluate(net, given, F.cross_entropy, ["accuracy"], **key)
    assert found == train.evaluate(net, listed, F.cross_entropy, ["accuracy"])
    if not options:
        assert through_steps(given) == through_steps(listed)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the packages themselves
@pytest.mark.parametrize("name", SOURCES)
def test_a_source_gives_what_its_arrays_give(name):
    check(SOURCES[name])
