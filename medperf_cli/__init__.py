"""MedPerf without a server: a command line over a git-backed, signed, static registry."""
