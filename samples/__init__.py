"""Short videos of the project's own making, with exact truth, and the generator that makes them."""
