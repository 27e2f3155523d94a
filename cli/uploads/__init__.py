"""The upload of many files: find them, send them in parallel, keep a journal to resume from, count the outcomes."""
