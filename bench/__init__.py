"""Measures Wallify's engine against its peers, in one run, as ratios."""
