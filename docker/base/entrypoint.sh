#!/bin/sh
# Lambda says where its runtime API is. Anywhere else the Runtime Interface Emulator stands in for it, on port 8080.
set -eu
if [ -z "${AWS_LAMBDA_RUNTIME_API:-}" ]; then
    exec aws-lambda-rie /usr/bin/python3 -m awslambdaric "$@"
fi
exec /usr/bin/python3 -m awslambdaric "$@"
