"""Real servers, a simulated web of feeds, and a consumer that judges what arrived."""
