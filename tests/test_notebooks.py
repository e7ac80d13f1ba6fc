"""The notebooks run from their first cell to their last, and show what their words say."""

import json
import re
import shutil
import subprocess
import sys

import pytest
from floors import ROOT

pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

FOLDER = ROOT / "examples" / "notebooks"
NAMES = sorted(path.stem for path in FOLDER.glob("*.ipynb"))


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """What running the notebooks gives, by name."""
    folder = tmp_path_factory.mktemp("notebooks")
    helper = ROOT / "tests" / "helpers" / "notebooks.py"
    done = subprocess.run(
        [sys.executable, helper, *FOLDER.glob("*.ipynb"), "--to", folder],
        cwd=folder, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return {name: json.loads((folder / f"{name}.ipynb").read_text()) for name in NAMES}


def stored(name):
    return json.loads((FOLDER / f"{name}.ipynb").read_text())


def outputs(notebook):
    return [output for cell in notebook["cells"] for output in cell.get("outputs", [])]


def kinds(notebook):
    """What each cell shows."""
    return [[sorted(output.get("data", [output["output_type"]])) for output in cell["outputs"]]
            for cell in notebook["cells"] if cell["cell_type"] == "code"]  # fmt: skip


def text(notebook):
    found = (output.get("text", output.get("data", {}).get("text/plain", []))
             for output in outputs(notebook))  # fmt: skip
    return "\n".join("".join(lines) for lines in found)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_stored_is_what_runs(ran, name):
    """No cell has failed or warned; each shows the same kinds of things as when it was stored."""
    assert NAMES == ["activations", "first_net", "sick_net"]
    for notebook in (stored(name), ran[name]):
        shown = outputs(notebook)
        assert not [output for output in shown if output["output_type"] == "error"]
        assert not [output for output in shown if output.get("name") == "stderr"]
    assert [c["source"] for c in stored(name)["cells"]] == [c["source"] for c in ran[name]["cells"]]
    if shutil.which("dot"):
        assert kinds(stored(name)) == kinds(ran[name])


def test_the_first_net(ran):
    shown = text(ran["first_net"])
    assert float(re.search(r"accuracy on the test images (.*)%", shown)[1]) > 95
    before, after = re.search(r"first batch (\S+), of the last (\S+)", shown).groups()
    assert float(before) > 2 > 0.5 > float(after)
    figures = [
        output for output in outputs(ran["first_net"]) if "image/png" in output.get("data", ())
    ]
    assert len(figures) == 4  # digits, history, mistakes, weights: each once


def test_activations(ran):
    shown = text(ran["activations"])
    norms = dict(re.findall(r"(\w+) +norm of the gradient: first layer (\S+),", shown))
    assert float(norms["sigmoid"]) < 0.01 < 0.1 < float(norms["relu"])
    rows = re.findall(r"^(\w+) +(\d\S+)%  (\S+)%  (\S+)%$", shown, re.MULTILINE)
    best = {name: max(map(float, found)) for name, *found in rows}
    assert len(best) == 6
    assert min(best, key=best.get) == "sigmoid"


def test_a_sick_net(ran):
    shown = text(ran["sick_net"])
    assert "a learning rate of 1 is too large" in shown
    assert re.search(r"layer 1 \(ReLU\): 9\d % of the units never fired", shown)
    assert re.search(r"layer 1 \(Sigmoid\): \d\d % of the outputs are saturated", shown)
    assert "layer 3 (Sigmoid): the outputs are not zero-centred" in shown
    assert "nothing is wrong" in shown
