"""The questions that the bench asks, one a file; each answers with tables."""
