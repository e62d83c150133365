"""Networks and what is computed with them: pure torch, without any library, database or video."""
