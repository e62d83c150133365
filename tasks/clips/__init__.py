"""Parts of videos as files: cut or copied in a child process, for playing and for export."""
