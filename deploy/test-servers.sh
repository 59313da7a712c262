#!/bin/sh
# Installs what `make test` needs and pip cannot give: RabbitMQ, MariaDB and Node.js from Debian, when missing, and the
# packages of the Node publisher. The tests start every server themselves, on free ports, and stop it again.
set -eu
cd "$(dirname "$0")/.."

missing=
[ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || missing="$missing rabbitmq-server"
command -v mariadbd >/dev/null || [ -x /usr/sbin/mariadbd ] || missing="$missing mariadb-server"
command -v node >/dev/null || missing="$missing nodejs"
command -v npm >/dev/null || missing="$missing npm"
if [ -n "$missing" ]; then
    sudo=; [ "$(id -u)" = 0 ] || sudo=sudo
    $sudo apt-get update -qq
    # shellcheck disable=SC2086  # one word per package is meant
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi
npm ci --silent --no-audit --no-fund --prefix tests/publisher_node
