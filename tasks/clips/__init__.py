"""Parts of videos as files, in a child process."""
