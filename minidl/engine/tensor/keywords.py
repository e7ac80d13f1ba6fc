"""`**wrong: Never`: what a keyword of another library is called here.

A function that takes `**wrong` gives them to `refuse`. Its own keywords are in its signature, and
type checkers refuse each other one, as no value is of the type `Never`. A decorator would need no
word in the signature, but it costs 50 ns a call, and 200 where there are keywords, not 15.
"""

from typing import Any, NoReturn

from ...errors import KeywordError, explain

Never = NoReturn  # its name from Python 3.11 on

OURS = {
    "dim": "axis", "dims": "axis", "keepdim": "keepdims", "correction": "ddof", "unbiased": "ddof",
}  # fmt: skip


def refuse(operation: str, wrong: dict[str, Any]) -> None:
    """KeywordError, with our name for it, for a keyword that the operation does not have."""
    for name, value in wrong.items():
        ours = OURS.get(name)
        expected = "keywords that it has" if ours is None else f"the keyword {ours}"
        raise KeywordError(explain(operation, expected, f"{name}={value!r}"))
