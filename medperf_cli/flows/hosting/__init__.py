"""Where a bare registry stands: founding it, its hooks, its merge bot."""
