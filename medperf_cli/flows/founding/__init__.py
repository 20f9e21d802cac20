"""Founding a registry, on a bare repository or a forge: root 1, hooks or scaffold, and rules for main."""
