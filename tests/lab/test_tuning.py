"""The search for a learning rate."""

import pytest

from minidl.lab.tuning import MOST, best_rate


def tuned(losses, **options):
    """The search where the rates 10ⁿ have these losses; and how often it asked."""
    asked = []

    def loss(rate):
        asked.append(rate)
        return losses[rate]

    return best_rate(loss, factor=10.0, **options), asked


@pytest.mark.parametrize(
    ("losses", "rate"),
    [
        ({0.01: 3.0, 0.1: 2.0, 1.0: 1.0, 10.0: 1.5}, 1.0),
        ({0.0001: 2.0, 0.001: 1.0, 0.01: 2.0, 0.1: 3.0, 1.0: 4.0}, 0.001),
        ({0.01: 2.0, 0.1: 1.0, 1.0: None}, 0.1),
    ],
    ids=["up", "down", "its neighbour diverges"],
)
def test_goes_on_until_both_neighbours_are_worse(losses, rate):
    found, asked = tuned(losses, first=(-1, 0, 1) if 1.0 in losses else (0,), start=0.1)
    assert (found["rate"], found["is_interior"]) == (rate, True)
    assert len(asked) == len(set(asked))
    assert found["tried"] == [[r, losses[r]] for r in sorted(asked)]


def test_a_plateau_at_the_start_does_not_hold_it():
    losses = {0.01: 2.303, 0.1: 2.302, 1.0: 2.304, 10.0: 0.5, 100.0: 9.0}
    found, _ = tuned(losses, first=(-1, 0, 1, 2))
    assert found["rate"] == 10.0


def test_ends_where_every_training_diverges():
    found = best_rate(lambda rate: None)
    assert not found["is_interior"]
    assert len(found["tried"]) == MOST


def test_ends_where_lower_is_always_better():
    found = best_rate(lambda rate: rate)
    assert not found["is_interior"]
    assert len(found["tried"]) == MOST
