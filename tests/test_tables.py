"""The tables of docs/ are the code's."""

import inspect
from pathlib import Path

import floors
from optimizer_rules import RULES

from minidl import losses, nn
from minidl.layers.activations import REGISTRY
from minidl.layers.activations.table import table

DOCS = Path(__file__).parents[1] / "docs"


def section(name: str, page: str) -> str:
    text = (DOCS / page).read_text()
    return text.split(f"<!-- {name} -->")[1].split(f"<!-- end of {name} -->")[0].strip()


def test_the_table_of_activations_is_the_registrys():
    assert section("activations", "reference/activations.md") == table()


def test_the_table_of_floors_is_the_tests():
    assert section("floors", "house.md") == floors.table()


def test_the_table_of_layers_has_all_with_their_options():
    kinds = [getattr(nn, name) for name in nn.__all__]
    layers = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, nn.Layer)]
    for kind in set(layers) - {nn.Layer, nn.Activation, *REGISTRY.values()}:
        options = ", ".join(
            f"*{p.name}" if p.kind is p.VAR_POSITIONAL else
            p.name if p.default is p.empty else f"{p.name}={p.default!r}"
            for p in inspect.signature(kind).parameters.values()
        )  # fmt: skip
        assert f"\n| `{kind.__name__}({options})` | " in section("layers", "reference/nn.md")


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
    assert section("losses", "reference/losses.md") == "\n".join(rows)


def test_the_table_of_optimisers_has_all_with_their_options():
    for rule in RULES:
        parameters = inspect.signature(rule).parameters.values()
        options = ", ".join(
            p.name if p.default is p.empty else f"{p.name}={p.default}"
            for p in parameters
            if p.name not in ("params", "maximize")
        )
        assert f"\n| `{rule.__name__}({options})` | " in section("optimisers", "reference/optim.md")
