"""Options drawn at random: minidl's estimators stop where scikit-learn's do, with the same weights.

`pytest tests/sklearn_estimators/test_option_sets.py --configurations 500` draws more of them.
"""

import pytest
from sklearn_option_sets import CLOSE, compared, moved_by_rounding

SETS = 60  # unless --configurations says otherwise


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        count = metafunc.config.getoption("configurations")
        metafunc.parametrize("seed", range(SETS if count is None else count))


def test_the_epoch_to_stop_at_and_the_weights(seed):
    theirs, ours, apart = compared(seed)
    assert ours == theirs
    assert apart < CLOSE or moved_by_rounding(seed) >= CLOSE
