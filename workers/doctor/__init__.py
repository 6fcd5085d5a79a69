"""``newswire doctor``: looks at all that a worker needs, changes nothing, and says what to do."""
