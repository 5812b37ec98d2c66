#!/usr/bin/env bash
# Makes images under the tags that the Dockerfile and docker-compose.yml name, from Debian packages:
# for machines that reach Debian's packages but no registry of images. Root makes them.
#
#   tests/container/stand_in.sh PYTHON_TAG HAPROXY_TAG
#
# They take the certificates and pip's index of this machine, so that pip works in them as it does
# here. A tag that exists is left as it is. Neither is meant for production.
set -euo pipefail

python=$1 haproxy=$2
certificates=/etc/ssl/certs/ca-certificates.crt
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

exists() { docker image inspect "$1" > /dev/null 2>&1; }

if ! exists "$python"; then
    {
        echo "[global]"
        echo "cert = $certificates"
        python3 -m pip config get global.index-url 2> /dev/null | sed 's/^/index-url = /' || true
    } > "$work/pip.conf"
    cp "${SSL_CERT_FILE:-$certificates}" "$work/certificates"
    # /usr/bin/python3 stands in for /usr/local/bin/python.
    mmdebstrap --quiet --variant=minbase --include=ca-certificates,python3,python3-pip,python3-venv \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
        --dpkgopt='path-exclude=/usr/share/man/*' \
        --customize-hook="upload '$work/pip.conf' /etc/pip.conf" \
        --customize-hook="upload '$work/certificates' $certificates" \
        --customize-hook='ln -s python3 "$1/usr/bin/python"' \
        bookworm "$work/python.tar"
    docker import --change 'CMD ["python3"]' "$work/python.tar" "$python" > /dev/null
fi

if ! exists "$haproxy"; then
    mkdir "$work/haproxy"
    docker build --quiet --network=host --tag "$haproxy" --file - "$work/haproxy" <<DOCKERFILE
FROM $python
RUN apt-get update -qq && apt-get install -qq -y --no-install-recommends haproxy > /dev/null \
 && rm -rf /var/lib/apt/lists/*
STOPSIGNAL SIGUSR1
USER haproxy
CMD ["haproxy", "-W", "-db", "-f", "/usr/local/etc/haproxy/haproxy.cfg"]
DOCKERFILE
fi
