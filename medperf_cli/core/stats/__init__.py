"""Statistics of results, computed at the site that holds the cases."""
