#!/bin/sh
# Installs what `make compat` needs: RabbitMQ 4 and MySQL of Debian's suite sid, from the mirror that this machine's apt
# uses, in a folder of their own (build/compat). Nothing in it is started here, and nothing of the machine is changed
# beyond debootstrap, which is installed when missing. Takes root and a few minutes.
set -eu
cd "$(dirname "$0")/.."
root=$PWD/build/compat
[ -e "$root/.ready" ] && exit 0
[ "$(id -u)" = 0 ] || { echo "$0 needs root: debootstrap makes a system of its own and the servers run in it" >&2; exit 1; }

mirror=$(apt-get indextargets --format '$(LABEL) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
    sed -n 's/^Debian main //p' | head -n 1)
[ -n "$mirror" ] || { echo "apt on this machine has no mirror of Debian: add one to its sources" >&2; exit 1; }
proxy=$(apt-config shell proxy Acquire::http::Proxy)
eval "$proxy"
if ! command -v debootstrap >/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends debootstrap >/dev/null
fi

# Mounts are made in a mount namespace of the command, so none is left behind, however it ends.
within() {
    # shellcheck disable=SC2016  # expanded by the inner shell
    unshare --mount --propagation private sh -eu -c \
        'root=$1; shift; for dir in /proc /dev; do mount --rbind $dir $root$dir; done; exec chroot "$root" "$@"' sh "$root" "$@"
}
rm -rf "$root"
mkdir -p "$root"
http_proxy=${proxy:-${http_proxy:-}} debootstrap --variant=minbase sid "$root" "$mirror" >"$root.log" 2>&1 ||
    { tail -n 20 "$root.log" >&2; exit 1; }
printf '127.0.0.1 localhost %s\n' "$(hostname)" >"$root/etc/hosts"
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" # installing a server does not start it
chmod +x "$root/usr/sbin/policy-rc.d"
[ -z "${proxy:-}" ] || printf 'Acquire::http::Proxy "%s";\n' "$proxy" >"$root/etc/apt/apt.conf.d/proxy"
# A mirror that stands still is good enough for tests, and its copy of sid expires after a week.
within apt-get -o Acquire::Check-Valid-Until=false update -qq
within env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends rabbitmq-server mysql-server \
    >>"$root.log" 2>&1 || { tail -n 20 "$root.log" >&2; exit 1; }
within apt-get clean
within dpkg-query --show rabbitmq-server mysql-server
touch "$root/.ready"
