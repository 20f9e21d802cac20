"""What stands: who decides about a version, whether it counts, and which version is in force."""
