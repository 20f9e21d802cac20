"""The kinds of signed files, as frozen models; parsing and emitting them."""
