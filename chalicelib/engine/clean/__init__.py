"""Picture files written anew from what was read of them, their coded pixels kept.

A part's name says nothing about its bytes. So no part is copied: each is read into the values that its specification
gives it and written from them, with the length that they have. What means nothing is not written. Where that cannot be
done, or where coded pixels end before their part does, `CannotRebuild` makes the picture be encoded anew.
"""
