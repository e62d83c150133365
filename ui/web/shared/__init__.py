"""What all views use."""
