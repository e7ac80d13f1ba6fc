"""After a fit that fails, the estimator is as it was before."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def all_or_nothing(estimator: Any) -> Iterator[None]:
    """Within the block the estimator may be trained. If the block fails, also in the middle of
    training, everything is restored: attributes, the net's weights, the optimiser's state."""
    attributes: dict[str, Any] = {
        name: list(value) if isinstance(value, list) else value
        for name, value in vars(estimator).items()
    }
    net, rule = attributes.get("_net"), attributes.get("_optimizer")
    if net is not None:
        weights, random_state, training = net.state_dict(), net.random_state(), net.training
    rule_state = None if rule is None else rule.state_dict()
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(attributes)
        if net is not None:
            net.train(training).load_state_dict(weights)
            net.load_random_state(random_state)
        if rule is not None:
            rule.load_state_dict(rule_state)
        raise
