"""Training: the loop, the losses, and the steps for retrieval and for actions."""
