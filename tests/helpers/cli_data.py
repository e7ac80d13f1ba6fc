"""Data by formulas for the tests of the command line, and CSV files as text."""

import csv

import numpy as np

from minidl import data

FLOWERS = ("setosa", "versicolor", "virginica")
HEADER = ("sepal", "width", "petal", "species")


def flower(i):
    """Row i: petal tells the three kinds apart, the other two columns do not."""
    kind = i % 3
    numbers = np.cos(1.7 * i), 10 + np.sin(i), 2 * kind + 0.5 * np.sin(3 * i)
    return [*(f"{number:.4f}" for number in numbers), FLOWERS[kind]]


def write_csv(path, header, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def read_csv(path):
    """Header and rows, as text."""
    with path.open(newline="") as file:
        header, *rows = csv.reader(file)
    return header, rows


def table(path, content, target="kind", **options):
    """What is read from a CSV file of that content."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return data.table(path, target, **options)


def npz(path, inputs="x", target="y", **arrays):
    """What is read from an NPZ file of these arrays."""
    np.savez_compressed(path, **arrays)
    return data.table(path, target, inputs=inputs)
