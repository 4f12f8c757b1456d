"""Cameras in the sample world: where they stand, how they walk, and what a real one adds."""
