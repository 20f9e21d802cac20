"""Running cubes at a site: preparation, tests, cells, drafts of results; nothing is sent."""
