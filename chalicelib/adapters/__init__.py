"""Implementations of the ports: DynamoDB, SQL and memory for state, and the services of AWS."""
