"""The page `/docs`: RapiDoc shows `/openapi.json`, with a search and a form for each route."""

from __future__ import annotations

# RapiDoc's templates have style attributes.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The page's Content-Security-Policy: it loads our own script and asks our own API."""

# The script is one of the monitor's files (docs/adr/0062-rapidoc-for-the-api-page.md).
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Wallify API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body { margin: 0; font: 16px/1.5 system-ui, sans-serif; } noscript { display: block; padding: 1rem; }</style>
<link rel="icon" href="monitor/docs/icon.svg">
<script src="monitor/docs/rapidoc-min.js" defer></script></head>
<body><noscript>This page needs JavaScript. The same facts are in <a href="openapi.json">openapi.json</a>.</noscript>
<rapi-doc spec-url="openapi.json" render-style="focused" theme="light" load-fonts="false" show-header="false"
 regular-font="system-ui, sans-serif" mono-font="ui-monospace, monospace" primary-color="#2456a6"
 allow-server-selection="false" allow-spec-url-load="false" allow-spec-file-load="false"
 allow-advanced-search="true" schema-description-expanded="true" persist-auth="false">
<p slot="overview">To call a route from this page, enter a token under Authentication, then press TRY.</p></rapi-doc>
</body></html>
"""
