"""Rasterisers: strokes become pixels, with gradients back to the strokes."""
