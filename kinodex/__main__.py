"""`python -m kinodex` is the command `kinodex`."""

from ui.cli.main import main

if __name__ == "__main__":
    main()
