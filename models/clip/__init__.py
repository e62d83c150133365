"""Any CLIP model, wherever it comes from: frames and texts in, embeddings out."""
