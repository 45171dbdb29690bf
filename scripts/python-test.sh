#!/usr/bin/env bash
# Checks of the Python client: builds its wheel, installs that, and runs mypy, ruff and pytest against a real cluster.
#
#     scripts/python-test.sh [PYTEST-OPTION...]     programs are those of .build/debug; BIN=DIRECTORY names others
set -euo pipefail
cd "$(dirname "$0")/.."
client=clients/python
venv=$PWD/.build/python-client
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
if ! "$venv/bin/python" -c 'import build, httpx, mypy, numpy, PIL, pytest, ruff' 2>/dev/null; then
    "$venv/bin/pip" install --quiet --disable-pip-version-check build hatchling httpx mypy numpy pillow pytest ruff
fi
rm -rf "$venv/wheel"
"$venv/bin/python" -m build --wheel --no-isolation --outdir "$venv/wheel" "$client" >/dev/null
"$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --force-reinstall "$venv"/wheel/*.whl
cd "$client"
"$venv/bin/ruff" check --quiet .
"$venv/bin/ruff" format --check --quiet .
"$venv/bin/mypy"
"$venv/bin/pytest" "$@"
