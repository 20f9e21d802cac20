"""Where requests wait and merges happen."""
