"""Thin entry points over flows, for a forge's CI and for hooks of a bare repository."""
