"""Nets from ONNX files: minidl's own come back with the same bits, others' as they compute."""

from contextlib import suppress

import numpy as np
import onnx
import pytest
from onnx import parser
from onnx_nets import DTYPES, MINIDLS, assert_near, drawn_layers, outputs, randomised

import minidl.onnx
from minidl import ArgumentError, DataError, DTypeError, nn, optim
from minidl import functional as F


def test_minidls_own_files_come_back_with_the_same_bits(tmp_path):
    rng, file = np.random.default_rng(4), tmp_path / "net.onnx"
    for n in range(60):
        layers = drawn_layers(rng, 6, lambda i, n=n: MINIDLS[(n + i) % len(MINIDLS)])
        dtype = DTYPES[n % 2]
        net = randomised(nn.Sequential(nn.Dense(6, 6), *layers), rng, dtype).eval()
        x = rng.normal(size=(7, 6)).astype(dtype)
        minidl.onnx.save(net, file, input=x, softmax=bool(n % 3))
        back = minidl.onnx.load(file).eval()
        wanted, found = net(x).numpy(), back(x).numpy()
        # Options are float32 in a file, and constants that they are written with.
        assert_near(found, wanted, 1e-6)
        if dtype == np.float32:
            assert (found == wanted).all(), (net, back)


def written(tmp_path, text, **constants):
    """A file with this graph, in ONNX's text format."""
    model = parser.parse_model(f'<ir_version: 8, opset_import: ["": 18]> {text}')
    for name, array in constants.items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    onnx.save(model, tmp_path / "net.onnx")
    return tmp_path / "net.onnx"


W = np.random.default_rng(5).normal(size=(4, 3)).astype(np.float32)
B = np.array([0.5, -1, 2], np.float32)
NUMBERS = {"half": 0.5, "one": 1, "root": 2**0.5, "twenty": 20, "low": -1}
OTHERS = {
    "GELU": "a = Div(h, root) b = Erf(a) c = Add(b, one) d = Mul(h, c) y = Mul(d, half)",
    "Softsign": "a = Abs(h) b = Add(one, a) y = Div(h, b)",
    "Softplus": "a = Softplus(h) b = Greater(h, twenty) y = Where(b, h, a)",
    "LogSigmoid": "a = Sigmoid(h) y = Log(a)",
    "SiLU": "a = Sigmoid(h) y = Mul(a, h)",
    "Mish": "y = Mish(h)",
    "CELU": "y = Celu<alpha = 0.3>(h)",
    "HardTanh": "y = Clip(h, low, one)",
}


@pytest.mark.parametrize("name", OTHERS)
def test_activations_as_others_write_them(name, tmp_path):
    before = "a0 = MatMul(x, W) h = Add(B, a0)"
    text = f"g (float[N, 4] x) => (float[N, 3] y) {{ {before} {OTHERS[name]} }}"
    constants = {name: np.asarray(value, np.float32) for name, value in NUMBERS.items()}
    file = written(tmp_path, text, W=W, B=B, **constants)
    net = minidl.onnx.load(file)
    assert [type(part).__name__ for part in net] == ["Dense", name]
    x = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    assert_near(net(x).numpy(), outputs(file, x=x)[0][0])


def test_gemms_options_and_a_softmax(tmp_path):
    text = """g (float[N, 4] x) => (float[N, 3] y) {
        a = Gemm<transB = 1, alpha = 0.5, beta = 2.0>(x, W, B) b = Dropout(a) y = Softmax(b) }"""
    file = written(tmp_path, text, W=np.ascontiguousarray(W.T), B=B[None])
    net = minidl.onnx.load(file).eval()
    x = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    assert_near(F.softmax(net(x)).numpy(), outputs(file, x=x)[0][0])


def test_a_loaded_net_can_be_trained_on(tmp_path):
    file = tmp_path / "net.onnx"
    minidl.onnx.save(nn.MLP([4, 8, 3], batch_norm=True), file, input=(1, 4))
    net = minidl.onnx.load(file)
    x, y = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32), np.arange(30) % 3
    optimizer = optim.Adam(net.parameters(), lr=0.05)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 1.3


def test_all_that_is_unknown_is_named(tmp_path):
    text = """g (float[N, 4] x) => (float[N, 3] y) {
        a = Sin(x) b = MatMul(a, W) c = Cos(b) y = Add(c, b) }"""
    with pytest.raises(DataError, match=r"Cos \(c\).*Sin \(a\)"):
        minidl.onnx.load(written(tmp_path, text, W=W))


@pytest.mark.parametrize(
    ("text", "error", "match"),
    [
        ("g (float[N, 5] x) => (float[N, 3] y) { y = MatMul(x, W) }", DataError, "fit each other"),
        ("g (float[N, 4] x, float[N, 4] z) => (float[N, 4] y) { y = Add(x, z) }",
         DataError, "x, z"),
        ("g (float[N, 4] x) => (float[N, 3] y, float[N, 4] z) { y = MatMul(x, W) z = Relu(x) }",
         ArgumentError, "y, z"),
        ("g (double[N, 4] x) => (double[N, 3] y) { a = MatMul(x, V) y = Add(a, B) }", DTypeError,
         "float32, float64"),
    ],
)  # fmt: skip
def test_what_is_no_net_is_refused(text, error, match, tmp_path):
    with pytest.raises(error, match=match):
        minidl.onnx.load(written(tmp_path, text, W=W, V=W.astype(np.float64), B=B))


def test_one_of_several_outputs(tmp_path):
    text = "g (float[N, 4] x) => (float[N, 3] y, float[N, 4] z) { y = MatMul(x, W) z = Relu(x) }"
    assert repr(minidl.onnx.load(written(tmp_path, text, W=W), output="z")[0]) == "ReLU()"


@pytest.mark.parametrize("content", [b"", b"no model", b"\x08\x08"])
def test_a_file_that_is_none(content, tmp_path):
    (tmp_path / "net.onnx").write_bytes(content)
    with pytest.raises(DataError, match="an ONNX model"):
        minidl.onnx.load(tmp_path / "net.onnx")


def test_a_damaged_file_is_a_data_error(tmp_path):
    file = tmp_path / "net.onnx"
    minidl.onnx.save(nn.MLP([4, 3, 2], "gelu"), file, input=(1, 4))
    content = file.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(100):
        cut = bytearray(content[: rng.integers(1, len(content))])
        cut[rng.integers(len(cut))] ^= 1 << rng.integers(8)
        file.write_bytes(cut)
        with suppress(minidl.MinidlError):
            minidl.onnx.load(file)


@pytest.mark.parametrize("exporter", [False, True], ids=["torchscript", "dynamo"])
@pytest.mark.filterwarnings("default")
def test_pytorchs_files(exporter, tmp_path):
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnxscript")
    parts = torch.nn
    for f in (parts.ReLU6(), parts.GELU(), parts.Softsign(), parts.Softplus(), parts.Mish(),
              parts.CELU(0.7), parts.LogSigmoid(), parts.PReLU()):  # fmt: skip
        module = parts.Sequential(
            parts.Flatten(), parts.Linear(12, 8), parts.BatchNorm1d(8), f, parts.Dropout(),
            parts.LayerNorm(8), parts.Linear(8, 3),
        ).eval()  # fmt: skip
        x, file = torch.randn(4, 3, 4), tmp_path / "net.onnx"
        options = {"external_data": False} if exporter else {}
        torch.onnx.export(module, (x,), file, dynamo=exporter, **options)
        found = minidl.onnx.load(file).eval()(x.numpy()).numpy()
        assert_near(found, module(x).detach().numpy())


def test_scikit_learns_files(tmp_path):
    skl2onnx = pytest.importorskip("skl2onnx")
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    rng = np.random.default_rng(0)
    x, file = rng.normal(size=(40, 4)).astype(np.float32), tmp_path / "net.onnx"
    options = {"hidden_layer_sizes": (5, 4), "solver": "lbfgs", "tol": 1e9}
    for y in (rng.integers(2, size=40), rng.integers(3, size=40)):
        theirs = MLPClassifier(activation="tanh", **options).fit(x, y)
        model = skl2onnx.to_onnx(theirs, x[:1], options={"zipmap": False})
        file.write_bytes(model.SerializeToString())
        logits = minidl.onnx.load(file)(x).numpy()
        if logits.shape[1] == 1:
            logits = np.hstack([np.zeros_like(logits), np.log(logits / (1 - logits))])
        assert_near(F.softmax(logits).numpy(), theirs.predict_proba(x).astype(np.float32), 1e-5)
    theirs = MLPRegressor(**options).fit(x, x[:, 0])
    file.write_bytes(skl2onnx.to_onnx(theirs, x[:1]).SerializeToString())
    wanted = theirs.predict(x).astype(np.float32)
    assert_near(minidl.onnx.load(file)(x).numpy()[:, 0], wanted, 1e-5)
