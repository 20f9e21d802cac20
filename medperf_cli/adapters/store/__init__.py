"""Git objects, history, and the index of verified entities."""
