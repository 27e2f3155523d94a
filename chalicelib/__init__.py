"""Wallify: a serverless image CDN for wallpaper apps."""
