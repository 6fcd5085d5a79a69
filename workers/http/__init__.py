"""One GET: what may be dialled, what is read, and why it failed."""
