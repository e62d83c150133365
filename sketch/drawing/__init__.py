"""Drawing a picture as CLIPasso does: strokes are laid, optimised against CLIP and ordered."""
