"""From a document to what its feed says: RSS, Atom, JSON Feed, sitemaps, and what only looks like them."""
