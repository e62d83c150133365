"""The command line: typer options become calls of tasks, which are imported when a command runs."""
