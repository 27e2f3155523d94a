"""The HTTP layer: app adapter, request and response, parsing, validation, route declarations, errors."""
