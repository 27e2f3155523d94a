"""Deploying to an account: `./wallify deploy` and `./wallify teardown`."""
