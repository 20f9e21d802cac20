"""What is kept on disk: seeing it, moving it to another disk, and removing what is not needed."""
