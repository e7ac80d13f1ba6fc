"""The README: short, its programs run as they stand, its counts are right."""

import json
import re
from collections import Counter
from pathlib import Path

from optimizer_rules import RULES

from minidl.layers.activations import REGISTRY as ACTIVATIONS
from minidl.losses import REGISTRY as LOSSES

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PROGRAMS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_it_is_short_and_begins_with_a_picture():
    assert len(README.splitlines()) <= 200
    assert README.index("![") < README.index("## ")


def test_the_first_program_has_ten_lines():
    assert len([line for line in PROGRAMS[0].splitlines() if line]) <= 10


def test_its_programs_run(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("MINIDL_DATA", str(ROOT / "examples" / "data" / "mnist"))
    monkeypatch.chdir(tmp_path)
    assert len(PROGRAMS) == 2
    names = {"__name__": "program"}  # the second goes on where the first ended
    for program in PROGRAMS:
        exec(program.replace("range(3)", "range(1)"), names)
    accuracies = re.findall(r"accuracy ([\d.]+)", capsys.readouterr().out)
    assert len(accuracies) == 2
    assert all(float(accuracy) > 0.95 for accuracy in accuracies), "after one and two epochs"


def test_it_counts_right():
    layers = (ROOT / "docs" / "reference" / "nn.md").read_text().count("\n| `")
    kinds = {
        "activations": ACTIVATIONS,
        "layers": range(layers),
        "losses": LOSSES,
        "optimisers": RULES,
    }
    for kind, all_of_them in kinds.items():
        assert f"{len(all_of_them)} {kind}" in README


def test_it_counts_the_laboratorys_verdicts_right():
    results = json.loads((ROOT / "docs" / "lab" / "results.json").read_text())
    verdicts = Counter(found["verdict"]["outcome"] for found in results["experiments"].values())
    for outcome, count in verdicts.items():
        words = outcome.replace("true only when", "true only under a condition")
        assert re.search(rf"[:,] {count} {words}[,.]", README)


def test_links_lead_somewhere():
    for path in re.findall(r"\]\(((?!http|#)[^)#]+)", README):
        assert (ROOT / path).exists(), path
