"""Reading checkpoints that others published, for CLIP4Clip and for ActionCLIP."""
