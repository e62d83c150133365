"""How a task speaks and ends: progress bars, tables, model flags and exit codes."""
