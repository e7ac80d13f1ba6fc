"""Tools of every room: checks of arguments, files, forks, JSON."""
