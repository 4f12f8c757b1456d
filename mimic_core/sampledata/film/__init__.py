"""Cameras in the sample world: their poses, walks and imperfections."""
