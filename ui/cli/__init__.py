"""typer: options only. Each command imports its task when it runs."""
