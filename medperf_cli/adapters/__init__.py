"""The world: one folder per kind of neighbour; none imports another."""
