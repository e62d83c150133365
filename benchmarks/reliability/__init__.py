"""How much can go wrong before something is lost, or before a test notices."""
