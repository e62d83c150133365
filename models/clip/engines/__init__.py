"""What computes a model's embeddings: PyTorch on any device, or OpenVINO on a CPU."""
