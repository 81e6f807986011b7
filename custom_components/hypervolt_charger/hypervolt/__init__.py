"""Client library for the Hypervolt cloud: knows nothing of Home Assistant.

Modules are imported one by one, so that the ones without sockets (protocol, device
state, schedule, LEDs) work on a bare Python 3.11 with no package installed.
"""
