"""The API's description as a page for people: one file, no script, nothing loaded from anywhere."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator
from hashlib import sha256
from html import escape
from typing import Any

Json = dict[str, Any]

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 0 auto; padding: 1rem; }
h2 { margin: 2.5rem 0 .5rem; }
details { border: 1px solid var(--line); border-radius: .5rem; margin: .5rem 0; padding: .4rem .8rem; }
summary { cursor: pointer; overflow-wrap: anywhere; }
summary b { display: inline-block; min-width: 4.2rem; font: 600 .85rem ui-monospace, monospace; }
code { font: .9em ui-monospace, monospace; background: var(--soft); border-radius: .25rem; padding: 0 .25rem; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; font-size: .92rem; }
th, td { text-align: left; vertical-align: top; border-top: 1px solid var(--line); padding: .25rem .5rem .25rem 0; }
p { margin: .4rem 0; } .told { opacity: .75; }
"""
_DIGEST = b64encode(sha256(STYLE.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def page(description: Json) -> str:
    """The page for an OpenAPI document."""
    info = description["info"]
    parts = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(info["title"])} API</title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<style>{STYLE}</style></head><body><h1>{escape(info['title'])} API {escape(info['version'])}</h1>",
        f'<p>{escape(info["summary"])}. For programs: <a href="openapi.json">openapi.json</a>.</p>',
        *_operations(description),
        "<h2>Schemas</h2>",
        *(_schema(name, schema) for name, schema in description["components"]["schemas"].items()),
        "</body></html>",
    )
    return "\n".join(parts)


def _operations(description: Json) -> Iterator[str]:
    every = [(method, path, told) for path, methods in description["paths"].items() for method, told in methods.items()]
    for tag in description["tags"]:
        yield f"<h2>{escape(tag['name'])}</h2><p>{escape(tag['description'])}</p>"
        yield from (_operation(*one) for one in every if tag["name"] in one[2]["tags"])


def _operation(method: str, path: str, told: Json) -> str:
    return "\n".join(
        (
            f'<details id="{escape(told["operationId"])}"><summary><b>{method.upper()}</b>',
            f'<code>{escape(path)}</code> <span class="told">{escape(told["summary"])}</span></summary>',
            *(f"<p>{escape(paragraph)}</p>" for paragraph in told["description"].split("\n\n")),
            _table("Parameters", (_row(one["name"], one["schema"], one) for one in told["parameters"])),
            *_body(told.get("requestBody", {}).get("content", {})),
            _table("Answers", (_answer(status, one) for status, one in sorted(told["responses"].items()))),
            "</details>",
        )
    )


def _body(content: Json) -> Iterator[str]:
    for kind, body in content.items():
        properties = body["schema"].get("properties")
        if properties is None:
            yield f"<p>Body: <code>{escape(kind)}</code>, {_type(body['schema'])}</p>"
        else:
            yield _table(f"Body: {kind}", (_row(name, schema, schema) for name, schema in properties.items()))


def _answer(status: str, reply: Json) -> str:
    shapes = ", ".join(_type(body["schema"]) for body in reply.get("content", {}).values())
    return f"<tr><td><code>{status}</code></td><td>{shapes}</td><td>{_marked(reply['description'])}</td></tr>"


def _schema(name: str, schema: Json) -> str:
    rows = (_row(field, shape, shape) for field, shape in schema.get("properties", {}).items())
    values = ", ".join(f"<code>{escape(str(value))}</code>" for value in schema.get("enum", ()))
    told = _marked(schema.get("description", ""))
    head = f'<details id="{escape(name)}"><summary><code>{escape(name)}</code></summary>'
    return f"{head}<p>{told}</p><p>{values}</p>{_table('Fields', rows)}</details>"


def _table(title: str, rows: Iterable[str]) -> str:
    written = "".join(rows)
    return f'<table><tr><th colspan="3">{escape(title)}</th></tr>{written}</table>' if written else ""


def _row(name: str, schema: Json, told: Json) -> str:
    needed = " (required)" if told.get("required") is True else ""
    words = _marked(told.get("description", ""))
    return f"<tr><td><code>{escape(name)}</code>{needed}</td><td>{_type(schema)}</td><td>{words}</td></tr>"


def _type(schema: Json) -> str:
    """A schema in a few words, linked where it is one of ours."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    if isinstance(schema.get("items"), dict):
        return f"list of {_type(schema['items'])}"
    bounds = [f"{words} {schema[key]}" for key, words in _BOUNDS.items() if key in schema]
    return escape(", ".join([str(schema.get("format") or schema.get("type") or "anything"), *bounds]))


_BOUNDS = {"minimum": "at least", "maximum": "at most", "maxLength": "length at most", "default": "usually"}


def _marked(text: str) -> str:
    """Text whose `code` is shown as such."""
    pieces = escape(text).split("`")
    return "".join(f"<code>{piece}</code>" if i % 2 else piece for i, piece in enumerate(pieces))
