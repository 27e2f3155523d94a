"""Tasks: model, lease, worker, retries, parents, sweeper and dead letters."""
