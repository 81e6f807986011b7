"""Tests against the simulated cloud over real HTTP and WebSockets."""
