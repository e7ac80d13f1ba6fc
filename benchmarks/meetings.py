"""What a meeting of a team costs, by the number of threads: the least of many short tries, as a
thread that has lost its core makes all wait. Each try also reads a number that another thread has
written, which comes from that thread's cache.

    python benchmarks/meetings.py
"""

from time import perf_counter

from machine import cores

from minidl._kernels import openmp

TRIES, MEETINGS = 300, 1000


def nanoseconds(threads: int) -> float:
    """What a meeting takes, with the start of the team shared among many."""
    least = float("inf")
    for _ in range(TRIES):
        began = perf_counter()
        openmp.try_meetings(threads, MEETINGS)
        least = min(least, perf_counter() - began)
    return least / MEETINGS * 1e9


def main() -> None:
    print("| threads | a meeting, ns |\n| ---: | ---: |")
    for threads in range(1, cores() + 1):
        print(f"| {threads} | {nanoseconds(threads):.0f} |", flush=True)


if __name__ == "__main__":
    main()
