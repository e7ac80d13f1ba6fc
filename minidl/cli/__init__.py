"""The command line: `python -m minidl COMMAND`, or `minidl COMMAND` where it is installed.

command_line.py picks the command and gives the exit code, a file named like a command is that
command, tables.py and the files beside it read data, model_file.py keeps what was trained.
"""

from .command_line import main

__all__ = ["main"]
