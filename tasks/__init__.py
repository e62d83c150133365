"""What a person can have done, whichever face asks for it: no typer and no Streamlit."""
