"""Networks and losses. Pure torch."""
