"""The state ports over memory, DynamoDB and SQL. `tests/contracts` holds all of them to the same promises."""
