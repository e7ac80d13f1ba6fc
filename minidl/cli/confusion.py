"""The confusion matrix as text: how many rows of each class were taken for which class."""

import numpy as np

from ..tools.tables import aligned

MOST = 15  # classes of a matrix that fits a terminal
SHOWN = 5  # classes that a class is taken for


def confusion(names: list[str], counts: np.ndarray) -> str:
    """The matrix with its heading; for many classes a line for each that is mistaken.

    >>> print(confusion(["cat", "dog"], np.array([[5, 1], [0, 7]])))
    rows: the true class, columns: the predicted one
    <BLANKLINE>
         cat  dog
    cat    5    1
    dog    0    7
    """
    if len(names) > MOST:
        return mistaken(names, counts)
    rows = [[name, *map(str, row)] for name, row in zip(names, counts.tolist(), strict=True)]
    matrix = aligned([["", *names], *rows], right=range(1, len(names) + 1))
    return f"rows: the true class, columns: the predicted one\n\n{matrix}"


def mistaken(names: list[str], counts: np.ndarray) -> str:
    """What the rows of each class are taken for if not for their own; the class with most such rows
    first."""
    wrong = counts * (1 - np.eye(len(names), dtype=int))
    rows = [["true class", "wrong", "taken for"]]
    for i in np.argsort(-wrong.sum(axis=1), kind="stable"):
        order = np.argsort(-wrong[i], kind="stable")
        taken = [f"{names[j]} {wrong[i, j]}" for j in order[:SHOWN] if wrong[i, j]]
        if taken:
            more = ", ..." if np.count_nonzero(wrong[i]) > SHOWN else ""
            rows.append(
                [names[i], f"{wrong[i].sum()} of {counts[i].sum()}", ", ".join(taken) + more]
            )
    right = sum(1 for row in wrong if not row.any())
    table = aligned(rows, right=[1])
    return f"{table}\n\nno rows of {right} of {len(names)} classes are taken for another class"
