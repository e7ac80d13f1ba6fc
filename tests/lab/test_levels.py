"""The same verdicts at every CPU level: small real runs, whose numbers differ in the last bits."""

import json

import pytest

from minidl import _kernels
from minidl_lab import Bench, Scale
from minidl_lab.experiments import BY_NAME, maxout
from minidl_lab.store import Store

SMALL = Scale("small", images=512, tests=256, seeds=3, tuning_seeds=1, share=0.1)


@pytest.mark.skipif(len(_kernels.levels()) < 2, reason="one level is nothing to compare")
@pytest.mark.parametrize("name", ["collapse", "prelu", "maxout"])
def test_verdicts_are_the_same(name, few_digits, bench, tmp_path, monkeypatch):
    monkeypatch.setattr(maxout, "PIECES", (2, 4, 8))
    before, verdicts, numbers = _kernels.level, [], []
    try:
        for level in _kernels.levels():
            _kernels.use(level)
            store = Store(tmp_path / level)
            at = Bench(name, few_digits, SMALL, store, bench.display)
            numbers.append(json.loads(json.dumps(BY_NAME[name].measure(at))))
            store.close()
            verdicts.append(BY_NAME[name].judge(numbers[-1]))
    finally:
        _kernels.use(before)
    assert len({(verdict.outcome, verdict.words) for verdict in verdicts}) == 1
    assert numbers[0] != numbers[-1]  # else nothing was compared
