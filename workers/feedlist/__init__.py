"""The feed list: read it (OPML, YAML, lines), and make Redis want what it says."""
