"""What computing embeddings costs, engine by engine, and what a command takes from nothing."""
