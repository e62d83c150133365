"""A model for real pictures without a download: an object classifier and a sentence encoder of pip
packages, joined by the names of what the classifier knows."""
