"""Wallify: a serverless image CDN for wallpaper apps."""

VERSION = "1.0.0"
"""Of the whole project: service, API and commands. https://semver.org"""
