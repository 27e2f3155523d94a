#!/usr/bin/env bash
# LocalStack runs this when it is ready: the template and the code of this checkout are deployed to it.
set -euo pipefail

project=/opt/wallify
venv=/var/lib/localstack/cache/wallify-venv

export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=us-east-1 PYTHONDONTWRITEBYTECODE=1

[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
grep -E '^(boto3|chalice|python-dotenv|PyYAML|setuptools|wheel|pip)[=<]' "$project/requirements-dev.in" |
  "$venv/bin/python" -m pip install --quiet --requirement /dev/stdin
# Chalice imports the app, and the deployment looks at its settings first.
"$venv/bin/python" -m pip install --quiet --requirement "$project/requirements.txt"

cd "$project"
exec "$venv/bin/python" -m cli.local.localstack
