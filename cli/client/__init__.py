"""Typed client of the HTTP API, for programs and for these commands; it imports none of the server's code.

    from cli.client.api import Client

    with Client.at("http://127.0.0.1:7545", token) as wallify:
        for image in wallify.images.of("wallpapers"):
            print(image.name, image.url)

Values are frozen dataclasses, every error is an `ApiError`, what is safe to repeat is repeated.
"""
