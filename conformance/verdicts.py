"""A case and its verdict: right, refused, left out with the reason, or wrong."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from minidl import MinidlError

RIGHT, REFUSED, LEFT_OUT, WRONG = VERDICTS = ("right", "refused", "left out", "wrong")


class Case(NamedTuple):
    """What was tried: `group` is its line in the table, `why` what was said or differs."""

    group: str
    name: str
    verdict: str
    why: str = ""


class Part(NamedTuple):
    """One of the page's tables: what `about` says, tried by `cases(short)`; `column` is what its
    groups are, and the versions of `peers` are told."""

    title: str
    about: str
    column: str
    peers: tuple[str, ...]
    cases: Callable[[bool], Iterable[Case]]


class LeftOut(Exception):  # noqa: N818 (no error: a reason)
    """Raised where a case asks for what minidl does not claim to have."""


def judge(group: str, name: str, check: Callable[..., None], *arguments: Any) -> Case:
    """The verdict on one case. `check` returns where minidl is right; minidl's own errors are
    refusals, all others, AssertionError among them, are wrong."""
    try:
        check(*arguments)
    except LeftOut as reason:
        return Case(group, name, LEFT_OUT, str(reason))
    except MinidlError as error:
        return Case(group, name, REFUSED, str(error))
    except Exception as error:
        return Case(group, name, WRONG, f"{type(error).__name__}: {error}")
    return Case(group, name, RIGHT)
