"""Tests that start real processes: a Home Assistant and the simulated cloud."""
