"""From an entry to an article: text, dates, people, language, and what is no part of it."""
