"""Delivery: content negotiation, private links, redirects and manifests."""
