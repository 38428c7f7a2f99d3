#!/bin/sh
# Install the named Debian packages that are missing, when we may; else say in one sentence what to do.
set -eu
missing=""
for package in "$@"; do
    case $package in
        python3-venv) python3 -c 'import ensurepip, venv' 2>/dev/null || missing="$missing $package" ;;
        bubblewrap) command -v bwrap >/dev/null 2>&1 || missing="$missing $package" ;;
        *) command -v "$package" >/dev/null 2>&1 || missing="$missing $package" ;;
    esac
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ]; then
    run=""
elif sudo -n true 2>/dev/null; then
    run="sudo -n"
else
    run="false"
fi
if ! { DEBIAN_FRONTEND=noninteractive $run apt-get update -qq &&
    DEBIAN_FRONTEND=noninteractive $run apt-get install -y -qq $missing; } >/dev/null 2>&1; then
    echo "Please install what is missing: sudo apt-get install$missing" >&2
    exit 1
fi
