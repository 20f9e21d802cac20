"""SSH keys that sign."""
