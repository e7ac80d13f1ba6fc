"""Student's intervals, against SciPy."""

import pytest
from scipy import stats

from minidl_lab.statistics import mean_interval, student


@pytest.mark.parametrize("freedom", [1, 2, 3, 9, 19, 30, 100])
@pytest.mark.parametrize("level", [0.5, 0.95, 0.9875, 0.999])
def test_student_is_scipys(freedom, level):
    assert student(freedom, level) == pytest.approx(stats.t.ppf((1 + level) / 2, freedom), rel=1e-5)


@pytest.mark.parametrize("comparisons", [1, 4])
def test_intervals_of_several_comparisons(comparisons):
    values = [0.3, -0.1, 0.5, 0.2]
    expected = stats.t.interval(
        1 - 0.05 / comparisons, 3, loc=sum(values) / 4, scale=stats.sem(values)
    )
    found = mean_interval(values, comparisons)
    assert found[1:] == pytest.approx(expected, rel=1e-5)
