"""What every room needs: checks of arguments, files, forks, JSON."""
