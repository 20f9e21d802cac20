"""Static pages from one exported snapshot.json."""
