#!/bin/sh
# Installs this checkout into .venv: deploy/install.sh [EXTRA]
#
# PYTHON makes the environment. TORCH_BACKEND is the build of PyTorch: cpu, cu130, auto, or what else uv
# takes as --torch-backend, as uv knows where these builds are. Where it does not reach them, pip
# installs everything, as it is set up on this machine.
set -eu
cd "$(dirname "$0")/.."

python=${PYTHON:-python3}
backend=${TORCH_BACKEND:-cpu}
checkout=.${1:+[$1]}
bin=.venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK=1 UV_SYSTEM_CERTS=1

# Do something, and say in one line what it is and how long it takes.
stage() {
    printf '%s ... ' "$1"
    shift
    began=$(date +%s)
    "$@" || { code=$?; echo failed; exit "$code"; }
    echo "$(($(date +%s) - began)) s"
}

make_environment() {
    "$python" -m venv .venv
    "$bin/pip" install -qq --only-binary :all: 'uv>=0.13,<0.14' 2> /dev/null || true
}

uv_install() {
    "$bin/uv" pip install --quiet --python "$bin/python" --torch-backend "$backend" --editable "$checkout" "$@"
}

# Find out if all can be had, before anything large is downloaded: `why` not.
resolve() {
    why=$(uv_install --dry-run 2>&1) && why= || why=${why:-uv}
}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "Conveyor needs Python 3.11 or later, which $python is not: give another, as in PYTHON=python3.11 make serve." >&2
    exit 1
}
stage "Making .venv with $("$python" --version)" make_environment
# uv looks where pip is set up to look.
index=${UV_DEFAULT_INDEX:-${PIP_INDEX_URL:-$("$bin/pip" config get global.index-url 2> /dev/null || true)}}
[ -z "$index" ] || export UV_DEFAULT_INDEX="$index"

stage "Looking for PyTorch's build for $backend" resolve
case $why in
    "") install=uv_install ;;
    *"invalid value"*) echo "$why" >&2; exit 2 ;;
    *) echo "uv does not reach it; pip installs the build that it finds."
       install="$bin/pip install -qq --editable $checkout" ;;
esac
# An environment with another build of PyTorch, or an unfinished one. Nor is it finished for that build then.
if [ ! -e ".venv/serve-$backend" ]; then
    rm -f .venv/serve-* .venv/dev-*
    "$bin/pip" uninstall -qq --yes torch
fi
stage "Installing PyTorch and the other libraries" $install
