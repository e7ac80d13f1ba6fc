"""`Words`: a column of texts, each different text kept once."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from .cells import exact, is_missing, is_number

MISSING = -1  # the code of a missing cell


class Words(NamedTuple):
    """Cell i is words[codes[i]], or missing if its code is -1."""

    codes: np.ndarray  # int64 (rows,)
    words: list[str]  # all different

    @classmethod
    def of(cls, cells: Iterable[str]) -> "Words":
        """The column with these cells.

        >>> Words.of(["b", "a", "NA", "b"])
        Words(codes=array([ 0,  1, -1,  0]), words=['b', 'a'])
        """
        index = Index()
        codes = np.fromiter(map(index.__getitem__, cells), np.int64)
        return cls(codes, index.words)

    @classmethod
    def of_numbers(cls, column: np.ndarray) -> "Words":
        """The column with these numbers as texts, NaN as missing."""
        numbers, codes = np.unique(column, return_inverse=True, equal_nan=True)
        missing = np.isnan(numbers)  # at the end, if at all
        words = [spelled(number) for number in numbers[~missing].tolist()]
        return cls(np.where(missing[codes], MISSING, codes), words)

    def take(self, rows: np.ndarray) -> "Words":
        """These rows."""
        return self._replace(codes=self.codes[rows])

    def cells(self) -> list[str]:
        """The text of each cell, empty for a missing one."""
        return [self.words[code] if code >= 0 else "" for code in self.codes.tolist()]

    def counts(self) -> np.ndarray:
        """How often each word occurs."""
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.words))

    def row_of(self, word: str) -> int:
        """The first row with this word."""
        return int((self.codes == self.words.index(word)).argmax())

    def among(self, names: list[str]) -> np.ndarray:
        """The place of each cell among the names, int64 (rows,): -1 for a missing cell,
        `len(names)` for a word that is not among them. If all names are numbers, they are compared
        by value, so that "1.0" is the name "1"."""
        places = {name: i for i, name in enumerate(names)}
        found = [places.get(word, len(names)) for word in self.words]
        if names and all(map(is_number, names)):
            of_size = {exact(name): i for i, name in enumerate(names)}
            for i, word in enumerate(self.words):
                if word not in places and is_number(word):
                    found[i] = of_size.get(exact(word), len(names))
        return np.array([*found, MISSING], np.int64)[self.codes]


class Index(dict[str, int]):
    """The code of each text, the next free one for a new text. `tidy` removes what is around a
    cell."""

    __slots__ = ("tidy", "words")

    def __init__(self, tidy: Callable[[str], str] = str.strip) -> None:
        super().__init__()
        self.tidy = tidy
        self.words: list[str] = []

    def __missing__(self, cell: str) -> int:
        text = self.tidy(cell)
        if text != cell:
            code = self[text]
        elif is_missing(text):
            code = MISSING
        else:
            code = len(self.words)
            self.words.append(text)
        self[cell] = code
        return code


def spelled(number: float) -> str:
    """A number as text, without a point if it is whole.

    >>> spelled(2.0), spelled(0.5)
    ('2', '0.5')
    """
    return str(int(number)) if number == int(number) else repr(number)


def in_order(names: Iterable[str]) -> list[str]:
    """Numbers in order of size, else in alphabetical order.

    >>> in_order(["10", "9"]), in_order(["10", "9", "x"])
    (['9', '10'], ['10', '9', 'x'])
    """
    found = sorted(names)
    return sorted(found, key=exact) if all(map(is_number, found)) else found
