"""The README: its programs run as they stand, its tables are the code's."""

import inspect
import re
from pathlib import Path

import floors
from optimizer_rules import RULES

import minidl
from minidl import losses, nn
from minidl.layers.activations import REGISTRY
from minidl.layers.activations.table import table

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def section(name: str) -> str:
    return README.split(f"<!-- {name} -->")[1].split(f"<!-- end of {name} -->")[0].strip()


def test_the_table_of_activations_is_the_registrys():
    assert section("activations") == table()


def test_the_table_of_floors_is_the_tests():
    assert section("floors") == floors.table()


def test_the_table_of_layers_has_all_with_their_options():
    kinds = [getattr(nn, name) for name in nn.__all__]
    layers = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, nn.Layer)]
    for kind in set(layers) - {nn.Layer, nn.Activation, *REGISTRY.values()}:
        options = ", ".join(
            f"*{p.name}" if p.kind is p.VAR_POSITIONAL else
            p.name if p.default is p.empty else f"{p.name}={p.default!r}"
            for p in inspect.signature(kind).parameters.values()
        )  # fmt: skip
        assert f"\n| `{kind.__name__}({options})` | " in section("layers")


def test_the_table_of_losses_is_the_registrys():
    rows = ["| loss | what it is |", "|---|---|"]
    for name, loss in losses.REGISTRY.items():
        parameters = inspect.signature(loss.function).parameters.values()
        options = ", ".join(
            p.name if p.default is p.empty else f"{p.name}={p.default}"
            for p in parameters
            if p.name not in ("sample_weight", "reduction")
        )
        first = " ".join(loss.function.__doc__.split("\n\n")[0].split())
        rows.append(f"| `{name}({options})` | {first} |")
    assert section("losses") == "\n".join(rows)


def test_the_table_of_optimisers_has_all_with_their_options():
    for rule in RULES:
        parameters = inspect.signature(rule).parameters.values()
        options = ", ".join(
            p.name if p.default is p.empty else f"{p.name}={p.default}"
            for p in parameters
            if p.name not in ("params", "maximize")
        )
        assert f"\n| `{rule.__name__}({options})` | " in section("optimisers")


def test_the_table_of_results_is_what_the_example_wrote():
    assert section("results") in (ROOT / "docs" / "results.md").read_text()


def test_its_programs_run(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("MINIDL_DATA", str(ROOT / "examples" / "data" / "mnist"))
    monkeypatch.chdir(tmp_path)  # an empty folder, where the third saves its files
    programs = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(programs) == 11
    names = {"__name__": "program"}  # the second goes on where the first ended
    try:
        for program in programs:
            exec(program.replace("range(3)", "range(1)").replace("epochs=3", "epochs=1"), names)
    finally:
        REGISTRY.pop("squareplus", None)
        losses.REGISTRY.pop("log_cosh", None)
    printed = capsys.readouterr().out
    accuracies = re.findall(r"accuracy ([\d.]+)", printed)
    assert len(accuracies) == 2
    assert all(float(accuracy) > 0.95 for accuracy in accuracies), "after one and two epochs"
    assert "continue after epoch 3" in printed
    assert "all of it in the kernels" in printed
    assert "Dense(784, 128)" in printed.split("layer  kind")[1]
    assert re.search(r"validation_accuracy\n +1 .*0\.9[5-9]", printed)
    by_own_rule = minidl.predict(names["net"], names["x_test"]).argmax(1) == names["y_test"]
    assert by_own_rule.mean() > 0.75


def test_its_figures_of_speed_are_the_benchmarks():
    written = (ROOT / "docs" / "benchmark.md").read_text().splitlines()
    quoted = [line for line in section("benchmark").splitlines() if line.startswith("|")]
    assert len(quoted) > 5
    assert [line for line in quoted if line not in written] == []


def test_the_first_program_has_ten_lines():
    program = re.search(r"```python\n(.*?)```", README, re.DOTALL)[1]
    assert len([line for line in program.splitlines() if line]) <= 10


def test_links_lead_somewhere():
    for path in re.findall(r"\]\(((?!http|#)[^)]+)\)", README):
        assert (ROOT / path).exists(), path
