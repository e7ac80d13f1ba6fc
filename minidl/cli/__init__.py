"""The command line: `python -m minidl COMMAND`, or `minidl COMMAND` where it is installed.

command_line.py chooses the command and returns the exit code; a file named like a command is that
command; tables.py and the files beside it read data; model_file.py saves and loads trained nets.
"""

from .command_line import main

__all__ = ["main"]
