"""`**wrong: Never`: minidl's name for a keyword of another library.

A function that takes `**wrong` passes it to `refuse`. The function's own keywords are in its
signature, and type checkers refuse all others, as no value is of the type `Never`. A decorator
would leave the signature alone, but costs 50 ns a call, and 200 with keywords, against 15.
"""

from typing import Any, NoReturn

from ...errors import KeywordError, explain

Never = NoReturn  # its name from Python 3.11 on

OURS = {
    "dim": "axis", "dims": "axis", "keepdim": "keepdims", "correction": "ddof", "unbiased": "ddof",
}  # fmt: skip


def refuse(operation: str, wrong: dict[str, Any]) -> None:
    """KeywordError, with minidl's name for it, for a keyword that the operation does not have."""
    for name, value in wrong.items():
        ours = OURS.get(name)
        expected = "keywords that it has" if ours is None else f"the keyword {ours}"
        raise KeywordError(explain(operation, expected, f"{name}={value!r}"))
