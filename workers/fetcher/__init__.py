"""The path of an article, from a due feed to its committed event."""
