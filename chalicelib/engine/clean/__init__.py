"""Public forms of picture files: files rebuilt from what was parsed of them, with the same coded pixels.

The name of a part says nothing about its bytes. So no part is copied: each is parsed into the values that its
specification defines and written from them, with their own length. Bytes without a meaning are not written. Where that
is not possible, or where coded pixels end before their part does, `CannotRebuild` has the picture encoded again.
"""
