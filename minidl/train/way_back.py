"""`WayBack`: undoes a step whose loss is not finite."""

from time import perf_counter
from typing import Any

from .callbacks import may_change_training
from .feed import Batch
from .run import Run
from .state import learned, load_learned

SHARE = 0.005  # of the time, for keeping a state to go back to


class WayBack:
    """A recent state that a run can go back to, and from which it can make the later steps again.
    It is renewed as often as a small share of the time allows, and before an epoch if a callback
    may have changed more than the steps do."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.may_change = any(map(may_change_training, run.callbacks))
        self.state: dict[str, Any] = {}
        self.step = -1
        self._next = 0.0

    def renew(self) -> None:
        """Moves to the present state, if that is due."""
        run, now = self.run, perf_counter()
        is_new_epoch = not run.losses
        if now < self._next and not run.feed.is_full and not (self.may_change and is_new_epoch):
            return
        run.feed.mark()
        self.state, self.step = learned(run), run.step
        done = perf_counter()
        self._next = done + (done - now) / SHARE

    def go(self) -> Batch:
        """Goes back, makes the steps up to the present again, and returns the batch after them."""
        run, steps = self.run, self.run.step - self.step
        load_learned(run, self.state)
        run.feed.again(run.stepper, steps)
        return run.feed.batch(steps)
