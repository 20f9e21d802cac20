"""Writing, signing and sending: submissions, decisions, results."""
