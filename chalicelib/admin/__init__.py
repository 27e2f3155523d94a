"""Administration: tokens, sessions, audit log, queues and functions."""
