"""Figures of speed and quality, each the command of one module; docs/benchmarks.md shows them."""
