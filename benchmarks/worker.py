"""One contender's process: loads its library, prepares, then takes turns as it is told.

    python worker.py peers.minidl_peer:Epoch '{"sizes": [784, 128, 10], ...}'

Requests and answers are lines of JSON. Between turns the process sleeps in readline().
"""

import importlib
import json
import os
import sys
import traceback


def keep_to_the_processors(threads: int) -> None:
    """Lets this process run on as many processors as it may have threads."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def main() -> None:
    name, setup = sys.argv[1:]
    keep_to_the_processors(int(os.environ["OMP_NUM_THREADS"]))
    # What a library prints must not come between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(**message: object) -> None:
        print(json.dumps(message), file=answers, flush=True)

    module_name, class_name = name.split(":")
    try:
        module = importlib.import_module(module_name)
        contender = getattr(module, class_name)(**json.loads(setup))
        answer(versions=module.versions() if hasattr(module, "versions") else {})
        for line in sys.stdin:
            answer(result=contender.turn(**json.loads(line)))
    except ModuleNotFoundError as error:
        answer(missing=str(error.name))
    except Exception:
        answer(error=traceback.format_exc())


if __name__ == "__main__":
    main()
