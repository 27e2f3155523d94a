"""Images: processing, thumbnails, search, rename, trash and purge."""
