#!/bin/sh
# users.sh owner | app: runs owner.sql or app.sql beside this file as root. The passwords come from the environment
# (MYSQL_ROOT_PASSWORD, MYSQL_OWNER_PASSWORD or MYSQL_APP_PASSWORD) and reach the client over a pipe.
# MYSQL_HOST and MYSQL_PORT say where the server is; MYSQL_CLIENT is the client: mariadb, or mysql for MySQL.
set -eu

case ${1:-} in
    owner) password=${MYSQL_OWNER_PASSWORD:?} ;;
    app) password=${MYSQL_APP_PASSWORD:?} ;;
    *) echo "usage: users.sh owner|app" >&2 && exit 2 ;;
esac
quoted=$(printf %s "$password" | sed "s/\\\\/\\\\\\\\/g; s/'/''/g")
export MYSQL_PWD="${MYSQL_ROOT_PASSWORD-}"
{
    printf "SET @%s_password = '%s';\n" "$1" "$quoted"
    cat "$(dirname "$0")/$1.sql"
} | "${MYSQL_CLIENT:-mariadb}" --host="${MYSQL_HOST:-127.0.0.1}" --port="${MYSQL_PORT:-3306}" --protocol=tcp --user=root
