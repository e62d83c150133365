"""Work that is asked for on the page: a queue, and a process that does one job after another."""
