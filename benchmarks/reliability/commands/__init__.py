"""Commands with nonsense for arguments and settings, and on damaged libraries; see `running`."""
