"""``newswire top``: a live view of all workers of an instance, on a terminal."""
