"""The architecture that Wallify replaces: Flask takes uploads, Redis queues them, Celery works with Pillow.

`jobs` and `site` run in the peers' own environment; the other modules are the bench's.
"""
