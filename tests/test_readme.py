"""The README: its programs run as they stand, its tables are the code's."""

import re
from pathlib import Path

from minidl.activations import REGISTRY
from minidl.activations.table import table

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def section(name: str) -> str:
    return README.split(f"<!-- {name} -->")[1].split(f"<!-- end of {name} -->")[0].strip()


def test_the_table_of_activations_is_the_registrys():
    assert section("activations") == table()


def test_the_table_of_results_is_what_the_example_wrote():
    assert section("results") == (ROOT / "docs" / "results.md").read_text().strip()


def test_its_programs_run(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    programs = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(programs) == 2
    try:
        for program in programs:
            exec(program.replace("range(3)", "range(1)"), {"__name__": "program"})
    finally:
        REGISTRY.pop("squareplus", None)
    accuracy = float(re.search(r"accuracy ([\d.]+)", capsys.readouterr().out)[1])
    assert accuracy > 0.95, "one epoch of the program in the README"


def test_the_first_program_has_ten_lines():
    program = re.search(r"```python\n(.*?)```", README, re.DOTALL)[1]
    assert len([line for line in program.splitlines() if line]) <= 10


def test_links_lead_somewhere():
    for path in re.findall(r"\]\(((?!http|#)[^)]+)\)", README):
        assert (ROOT / path).exists(), path
