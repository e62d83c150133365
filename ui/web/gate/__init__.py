"""Who may reach the page: one layer in front of all its addresses, and who comes through it."""
