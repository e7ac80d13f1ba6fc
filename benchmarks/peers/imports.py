"""How long a module takes to import. Imports nothing itself that the module could need."""

import importlib
import time


class Import:
    """The first import in a fresh process."""

    def __init__(self, module: str) -> None:
        self.module = module

    def turn(self) -> dict[str, float]:
        start = time.perf_counter()
        importlib.import_module(self.module)
        return {"seconds": time.perf_counter() - start}
