"""`python -m minidl`: the command line, which is in cli/."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
