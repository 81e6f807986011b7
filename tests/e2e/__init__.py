"""A person's journeys with a real browser, Home Assistant and its own frontend."""
