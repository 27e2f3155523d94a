"""Many files on their way into a collection: found, sent by a crew, written down so that it can go on, counted."""
