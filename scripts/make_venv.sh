#!/bin/sh
# Make a virtual environment; on Debian and Ubuntu install what Python needs for that, when we may.
set -eu
python=$1 venv=$2
if [ -z "$python" ] || ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    sh "$(dirname "$0")/system_packages.sh" python3 python3-venv
    python=$(command -v python3)
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "trueup needs Python 3.11 or newer; $python is $("$python" --version 2>&1)." >&2
    exit 1
fi
"$python" -m venv "$venv"
