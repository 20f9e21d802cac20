"""Finding out what is amiss on a machine: independent checks, each with the repair."""
