"""Work that is asked for on the page: a queue, and a child process for each job."""
