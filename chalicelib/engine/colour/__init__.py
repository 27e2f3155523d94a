"""Colour by what a file really says of it, once, for every use.

Each container's reader says in what colours its samples are (`description`), by an ICC profile of the file's or by one
that is written here from primaries and a curve (`profiles`); `convert` is the only place that changes colours.
"""
