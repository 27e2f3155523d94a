"""The soak: the real services under kills, repeated messages and AWS errors, judged by somebody who recounts."""
