"""A simulated web of many hosts on loopback, and what it saw of the workers that poll it."""
