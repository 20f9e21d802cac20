"""The pure core: bytes in, frozen objects out; no file, clock, network, git, container or terminal."""
