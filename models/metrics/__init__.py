"""Figures of quality: how well texts find videos, and how well actions are recognised."""
