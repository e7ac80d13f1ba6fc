"""The report: one HTML page that needs no other file."""
