"""Believing a registry: sync, verification, and what is read from the verified index."""
