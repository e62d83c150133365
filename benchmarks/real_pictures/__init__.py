"""Figures on real footage and photographs: what is found by free words."""
