#!/bin/sh
# Installs the independent PASETO implementation into DIR, outside the tree:
#   tests/vectors/install-paseto.sh DIR
#   NHI_PASETO_MODULES=DIR/node_modules make check
set -eu
if [ $# -ne 1 ]; then
    echo "usage: $0 DIR" >&2
    exit 2
fi
mkdir -p "$1"
exec npm install --prefix "$1" --no-save --no-package-lock --no-audit --no-fund --ignore-scripts \
    paseto@4
