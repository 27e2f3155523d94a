"""Plain values as DynamoDB attribute values, and back.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html. Floats travel as their shortest
decimal text, which is exact; boto3's own serializer refuses floats and answers Decimals, which JSON does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

Attribute = Mapping[str, object]
"""One attribute value: its type letter, its content."""


def to_attributes(values: Mapping[str, object]) -> dict[str, Attribute]:
    """The values of an item or of an expression, each as DynamoDB takes it."""
    return {name: to_attribute(value) for name, value in values.items()}


def from_attributes(attributes: Mapping[str, Attribute]) -> dict[str, object]:
    """An item's plain values."""
    return {name: from_attribute(attribute) for name, attribute in attributes.items()}


def to_attribute(value: object) -> Attribute:
    """Text, numbers, truth values, None, lists and maps of them; anything else is a TypeError."""
    if isinstance(value, Mapping):
        return {"M": to_attributes(value)}
    if isinstance(value, list | tuple):
        return {"L": [to_attribute(item) for item in value]}
    encode = _ENCODERS.get(type(value))
    if encode is None:
        raise TypeError(f"{type(value).__name__} has no place in an item")
    return encode(value)


def from_attribute(attribute: Attribute) -> object:
    """The plain value of any attribute that `to_attribute` can make."""
    ((kind, content),) = attribute.items()
    return _DECODERS[kind](content)


def _number(text: str) -> int | float:
    return int(text) if text.lstrip("-").isdigit() else float(text)


_ENCODERS: Mapping[type, Callable[[object], Attribute]] = {
    str: lambda value: {"S": value},
    bool: lambda value: {"BOOL": value},
    int: lambda value: {"N": str(value)},
    float: lambda value: {"N": repr(value)},
    type(None): lambda _: {"NULL": True},
}
_DECODERS: Mapping[str, Callable[..., object]] = {
    "S": str,
    "BOOL": bool,
    "N": _number,
    "NULL": lambda _: None,
    "L": lambda items: [from_attribute(item) for item in items],
    "M": from_attributes,
}
