"""Wallify's infrastructure as code, and the rules that tie it to the functions."""
