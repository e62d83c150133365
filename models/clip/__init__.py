"""Any open_clip model: frames and texts to embeddings."""
