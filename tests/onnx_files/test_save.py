"""Nets, estimators and tables' models in ONNX files: ONNX Runtime and ONNX's evaluator agree."""

import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx_nets import (
    DTYPES,
    MINIDLS,
    SINGLE,
    activation,
    assert_near,
    drawn_layers,
    layer,
    outputs,
    randomised,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    PowerTransformer,
    RobustScaler,
    StandardScaler,
)

import minidl.onnx
from minidl import ArgumentError, MissingPackageError, ShapeError, data, nn, predict
from minidl.cli import main
from minidl.losses import softmax
from minidl.sklearn import MLPClassifier, MLPRegressor
from minidl.tables.encoder import Encoder


def check(net, x, file):
    """Whether both runtimes compute what the net does, for other numbers of rows too."""
    minidl.onnx.save(net, file, input=x[:1])
    wanted = net.eval()(x).numpy()
    for found in outputs(file, input=x):
        assert_near(found[0], wanted)


@pytest.mark.parametrize("kind", MINIDLS, ids=lambda kind: kind.__name__)
def test_every_activation(kind, tmp_path):
    rng = np.random.default_rng(0)
    for dtype in DTYPES:
        for shape in [(9, 12), (5, 3, 4)]:
            f, _ = activation(kind, rng, shape[-1])
            x = rng.choice([0.1, 1, 20]) * rng.normal(size=shape)
            check(randomised(f, rng, dtype), x.astype(dtype), tmp_path / "net.onnx")


@pytest.mark.parametrize("name", SINGLE)
def test_every_layer(name, tmp_path):
    rng = np.random.default_rng(1)
    is_flat = name in ("BatchNorm", "MLP")
    for dtype in DTYPES:
        for shape in [(9, 6)] if is_flat else [(9, 6), (5, 3, 6)]:
            for _ in range(2):
                found, _ = layer(name, rng, shape[-1])
                x = rng.normal(size=shape).astype(dtype)
                check(randomised(found, rng, dtype), x, tmp_path / "net.onnx")


def test_nets_drawn_from_all_layers(tmp_path):
    rng = np.random.default_rng(2)
    for n in range(30):
        layers = drawn_layers(rng, 6, lambda _: MINIDLS[rng.integers(len(MINIDLS))])
        dtype = DTYPES[n % 2]
        net = randomised(nn.Sequential(*layers), rng, dtype)
        check(net, rng.normal(size=(7, 6)).astype(dtype), tmp_path / "net.onnx")


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.float32])
def test_an_embedding_takes_whole_numbers(dtype, tmp_path):
    net = nn.Sequential(nn.Embedding(7, 3), nn.Flatten(), nn.Dense(12, 2))
    x = np.random.default_rng(0).integers(0, 7, (5, 4)).astype(dtype)
    check(net, x, tmp_path / "net.onnx")


def test_names_opset_and_the_free_axis(tmp_path):
    file = tmp_path / "net.onnx"
    net = nn.Sequential(nn.Dense(4, 6), nn.BatchNorm(6), nn.Maxout(3), nn.Dropout(), nn.Dense(2, 3))
    minidl.onnx.save(net, file, input=(1, 4), softmax=True)
    model = onnx.load(file)
    assert [(x.domain, x.version) for x in model.opset_import] == [("", 18)]
    names = {constant.name for constant in model.graph.initializer}
    assert net.state_dict().keys() - {"1.num_batches_tracked"} <= names
    assert [(x.name, x.type.tensor_type.shape.dim[0].dim_param)
            for x in (*model.graph.input, *model.graph.output)] == [
        ("input", "batch"), ("output", "batch")]  # fmt: skip
    x = np.ones((3, 4), np.float32)
    assert_near(outputs(file, input=x)[0][0], softmax(net.eval()(x)).numpy())


class Chained(nn.Layer):
    def __init__(self):
        self.first, self.tanh = nn.Dense(3, 3), nn.Tanh()

    forward = nn.chain("first", "tanh", "first")


def test_a_chain_and_a_layer_at_two_places(tmp_path):
    x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    check(Chained(), x, tmp_path / "net.onnx")
    assert len(onnx.load(tmp_path / "net.onnx").graph.initializer) == 2


class Own(nn.Layer):
    def forward(self, x):
        return x * 2


class OtherFormula(nn.ReLU):
    @staticmethod
    def formula(x):
        return x * 2


def replaced():
    layer = nn.ReLU()
    layer.forward = lambda x: x * 2
    return layer


@pytest.mark.parametrize(
    "layer", [Own(), OtherFormula(), replaced()], ids=["own", "formula", "lambda"]
)
def test_what_has_no_nodes_is_refused_before_a_file_is_written(layer, tmp_path):
    file = tmp_path / "net.onnx"
    file.write_bytes(b"old")
    with pytest.raises(ArgumentError, match=rf"1\.0.*a {type(layer).__name__}"):
        minidl.onnx.save(nn.Sequential(nn.Tanh(), nn.Sequential(layer)), file, input=(1, 3))
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"old"]


def test_arguments_that_make_no_sense(tmp_path):
    net, file = nn.Dense(3, 2), tmp_path / "net.onnx"
    with pytest.raises(ArgumentError, match=r"input=\(1, 784\)"):
        minidl.onnx.save(net, file)
    with pytest.raises(ShapeError, match=r"\(batch, 3\)"):
        minidl.onnx.save(net, file, input=(1, 4))
    with pytest.raises(ShapeError, match="first axis for the batch"):
        minidl.onnx.save(net, file, input=(3,))
    with pytest.raises(ArgumentError, match="got a str"):
        minidl.onnx.save("net", file)
    with pytest.raises(ArgumentError, match="before fit"):
        minidl.onnx.save(MLPClassifier(), file)
    assert not file.exists()


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingPackageError, match="pip install onnx"):
        minidl.onnx.save(nn.Dense(3, 2), tmp_path / "net.onnx", input=(1, 3))


def test_importing_minidl_does_not_import_onnx(tmp_path):
    code = "import sys, minidl.cli, minidl.onnx; sys.exit('onnx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path).returncode == 0


SCALERS = [[], [StandardScaler()], [StandardScaler(with_mean=False)], [RobustScaler()],
           [MaxAbsScaler(), MinMaxScaler((-1, 2), clip=True)]]  # fmt: skip
CLASSES = {
    "two": np.array([3, 8]), "texts": np.array(["b", "a", "c"]), "numbers": np.array([5, 1, 7]),
    "floats": np.array([4.0, 2.0, 9.0]), "true": np.array([False, True]),
    "objects": np.array(["no", "yes"], object),
}  # fmt: skip


def rows(dtype):
    rng = np.random.default_rng(3)
    return rng, (rng.normal(size=(60, 4)) * [1, 5, 0.1, 1] + [0, 3, 0, 1]).astype(dtype)


@pytest.mark.parametrize("kind", CLASSES)
def test_classifiers(kind, tmp_path):
    for n, scalers in enumerate(SCALERS):
        rng, x = rows(DTYPES[n % 2])
        y = CLASSES[kind][rng.integers(len(CLASSES[kind]), size=60)]
        net = MLPClassifier((5,), "gelu", max_iter=3, tol=0, batch_norm=True, random_state=0)
        model = make_pipeline(*scalers, net)
        with pytest.warns(match="Maximum iterations"):
            model.fit(x, y)
        minidl.onnx.save(model, tmp_path / "net.onnx")
        for label, probabilities in outputs(tmp_path / "net.onnx", X=x):
            assert_near(probabilities, model.predict_proba(x).astype(x.dtype))
            assert label.tolist() == model.predict(x).tolist()


def test_labels_scores_and_quantities(tmp_path):
    rng, x = rows(np.float64)
    file, labels = tmp_path / "net.onnx", rng.integers(2, size=(60, 3))
    options = {"hidden_layer_sizes": (5,), "solver": "lbfgs", "max_iter": 20, "tol": 1e9}
    several = MLPClassifier(**options).fit(x, labels)
    minidl.onnx.save(several, file)
    for label, probabilities in outputs(file, X=x):
        assert_near(probabilities, several.predict_proba(x))
        assert label.tolist() == several.predict(x).tolist()
    for y in (labels[:, 0], labels.sum(1)):
        hinge = MLPClassifier(loss="hinge", **options).fit(x, y)
        minidl.onnx.save(hinge, file)
        for label, scores in outputs(file, X=x):
            assert_near(scores.reshape(60, -1), hinge.decision_function(x).reshape(60, -1))
            assert label.tolist() == hinge.predict(x).tolist()
    for loss, y in (("poisson", labels[:, 0]), ("squared_error", x[:, :2]), ("huber", x[:, 0])):
        model = make_pipeline(StandardScaler(), MLPRegressor(loss, **options)).fit(x, y)
        minidl.onnx.save(model, file)
        for (found,) in outputs(file, X=x):
            assert_near(found, model.predict(x).reshape(60, -1))


def test_another_step_is_refused(tmp_path):
    _, x = rows(np.float64)
    net = MLPRegressor(hidden_layer_sizes=(2,), solver="lbfgs", tol=1e9)
    model = make_pipeline(PowerTransformer(), net).fit(x, x[:, 0])
    with pytest.raises(ArgumentError, match="StandardScaler.*a PowerTransformer"):
        minidl.onnx.save(model, tmp_path / "net.onnx")


AGES = [20, 30, None, 40, 50, 35, 28, None]
TOWNS = ["Ulm", "Bonn", "Ulm", None, "Bonn", "Rome", "Ulm", "Bonn"]
SEEN = {"age": AGES, "height": [1.5, 1.7, 1.6, 1.8, 1.9, 2.0, 1.4, 1.65], "town": TOWNS}


def columns(file):
    numbers = np.array(
        [[np.nan if a is None else a, h] for a, h in zip(AGES, SEEN["height"], strict=True)]
    )
    texts = np.array([["" if t is None else t] for t in TOWNS], object)
    return outputs(file, numbers=numbers, texts=texts)


def test_a_tables_encoder_is_in_the_file(tmp_path):
    file = tmp_path / "net.onnx"
    for target in (["a", "b"] * 4, [1.5, 2.25, 3.75, 8.5, 9.25, 0.5, 7.75, 2.5]):
        table = data.table(SEEN | {"y": target}, "y")
        encoder = Encoder.of(table)
        net = nn.MLP([encoder.inputs, 5, encoder.outputs], "tanh")
        minidl.onnx.save(net, file, input=encoder)
        wanted = predict(net, encoder.encode(table))
        for found in columns(file):
            if encoder.classes is None:
                assert_near(found[0][:, 0], encoder.answers(wanted))
            else:
                assert_near(found[1], softmax(wanted).numpy())
                assert found[0].tolist() == [encoder.classes[i] for i in wanted.argmax(1)]


def test_a_text_that_is_an_error_in_minidl_is_one_in_the_runtime(tmp_path):
    table = data.table({"town": ["Ulm", "Bonn"] * 4, "y": ["a", "b"] * 4}, "y")
    encoder = Encoder.of(table, unseen="error")
    minidl.onnx.save(nn.MLP([2, 2]), tmp_path / "net.onnx", input=encoder)
    outputs(tmp_path / "net.onnx", texts=np.array([["Ulm"], ["Bonn"]], object))
    with pytest.raises(Exception, match="out of data bounds"):
        outputs(tmp_path / "net.onnx", texts=np.array([["Rome"]], object))


def test_export(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    lines = [f"{a:.3f},{b:.3f},{'ab'[int(a > b)]}" for a, b in rng.normal(size=(60, 2))]
    (tmp_path / "rows.csv").write_text("\n".join(["width,height,kind", *lines]) + "\n")
    words = "train --data rows.csv --target kind --hidden 4 --epochs 2 --save m.safetensors"
    assert main(words.split()) == 0
    capsys.readouterr()
    assert main(["export", "m.safetensors", "m.onnx"]) == 0
    told = capsys.readouterr().out
    assert "width, height" in told
    assert "label, probabilities: kind" in told
    assert main(["predict", "m.safetensors", "--data", "rows.csv", "--output", "a.csv"]) == 0
    answers = [line.split(",") for line in (tmp_path / "a.csv").read_text().splitlines()[1:]]
    numbers = np.array([line.split(",")[:2] for line in lines], float)
    for label, probabilities in outputs("m.onnx", numbers=numbers):
        assert label.tolist() == [answer[0] for answer in answers]
        wanted = np.array([answer[1:] for answer in answers], float)
        np.testing.assert_allclose(probabilities, wanted, atol=1e-5)  # as many digits as it prints
    assert main(["export", "m.safetensors", "m.onnx"]) == 1
    assert "--force" in capsys.readouterr().err
