"""Whose picture it is: author, copyright and licence, read from what files say beside their pixels.

Nothing else is taken from these blocks, which hold places, serial numbers and the history of edits too.
"""
