"""`python -m benchmarks.reliability.commands`."""

from benchmarks.reliability.commands.running import main

main()
