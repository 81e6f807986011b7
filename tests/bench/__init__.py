"""What the integration costs, measured against the least it could cost.

`scripts/bench` runs `python -m tests.bench`. Every figure is a ratio to a floor that
is measured in the same run on the same machine, so that it says something about the
code and not about the computer.
"""
