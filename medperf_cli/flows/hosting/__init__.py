"""Where requests arrive: a bare repository and its hooks, a forge and its comments, and both merge bots."""
