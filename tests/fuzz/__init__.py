"""Anything may come over the wire, out of a file or from a keyboard.

`scripts/test` runs some hundreds of cases of each, always the same ones;
`scripts/fuzz` runs as many as it is told, with a seed that repeats them.
"""
