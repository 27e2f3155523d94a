"""The use cases: frozen dataclasses whose fields are ports and plain values, and whose methods are verbs."""
