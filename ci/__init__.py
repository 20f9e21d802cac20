"""Thin entry points over flows, for a forge's CI and for hooks of a bare repository.

What a job needs it takes from the environment that its forge's CI sets (`ci.told`); what it says goes through
`ci.saying`, since a CI reads its own commands out of what jobs print.
"""
