"""The rows of the table: what each measures, and by which target."""
