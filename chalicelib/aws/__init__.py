"""Ports over AWS: the only maker of clients, each made on first use."""
