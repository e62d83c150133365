"""What benchmarks measure on: made-up embeddings, libraries, footage."""
