#!/bin/sh
# Installs a CPU build of torch for an image: deploy/install_torch.sh VERSION ENVIRONMENT BUILD WHEELS
#
# It is the wheel in WHEELS, if there is one; else what pip finds at TORCH_INDEX, if that is set; else the
# build that uv knows; else what pip finds where it is set up to look. pip and uv are those of BUILD.
set -eu

torch=torch==$1
environment=$2
pip="$3/bin/pip --python $environment/bin/python install --quiet --no-deps"
uv="$3/bin/uv pip install --quiet --python $environment/bin/python --no-deps"
wheels=$4

refuse() {
    echo "This torch is a CUDA build. Reach PyTorch's index of CPU builds; or give another, as --build-arg TORCH_INDEX=<address>; or put a wheel into wheels/ (docs/operations.md)." >&2
    exit 1
}

# Find out what pip would install before it loads gigabytes of it.
is_for_gpus() {
    $pip --dry-run --report - "$torch" | grep -q -e '"cuda-' -e '"nvidia-'
}

if ls "$wheels/torch-$1"* > /dev/null 2>&1; then
    $pip --no-index --find-links "$wheels" "$torch"
elif [ -n "${TORCH_INDEX:-}" ]; then
    $pip --index-url "$TORCH_INDEX" "$torch"
elif ! $uv --torch-backend cpu "$torch"; then
    echo "uv does not reach PyTorch's CPU builds; pip installs the one that it finds."
    ! is_for_gpus || refuse
    $pip "$torch"
fi

cd "$environment"/lib/python3*/site-packages/torch
grep -q '^cuda.*= None$' version.py || refuse
# What only builds and tests of PyTorch itself need, and the names of functions: a fifth of it.
rm -rf test include bin/test_* bin/*Test bin/protoc*
find lib -name 'lib*.so' -exec strip --strip-unneeded {} +
