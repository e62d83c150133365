"""NEW floor: what a user can have done, told on stdout and stderr. No typer, no streamlit."""
