#!/bin/sh
# Gives a broker its vhost and its three users, each with no more rights than its process needs, and takes guest away.
# Run it as often as you like, also to change passwords. Passwords come from the environment and reach rabbitmqctl over
# a pipe, so that no process list shows them.
#
#   RABBITMQ_{ORCHESTRATOR,PUBLISHER,OPERATOR}_PASSWORD   required
#   RABBITMQ_VHOST          default: justlens
#   RABBITMQ_QUEUES         regular expression of the queues in queues.yaml; default: image_[a-z0-9_]+
#   JUSTLENS_QUEUE_PREFIX   as for the orchestrator; default: none
#   RABBITMQ_NODE           the node to tell; default: the one on this machine
#
# What RabbitMQ's three rights mean here (https://www.rabbitmq.com/docs/access-control):
#   configure  declare and delete a queue or exchange of this name; there is no right to declare only
#   write      publish to an exchange of this name. Jobs go to the default exchange, which is called amq.default there.
#              Whoever may write to it may put a message into any queue of the vhost: neighbours need a vhost of their own.
#   read       consume, get and purge a queue. Declaring one that dead-letters needs this too, and write on the exchange
#              that it dead-letters to.
set -eu

vhost=${RABBITMQ_VHOST:-justlens}
queues=${RABBITMQ_QUEUES:-image_[a-z0-9_]+}
prefix=$(printf %s "${JUSTLENS_QUEUE_PREFIX:-}" | sed 's/\./\\./g')
ours="(error\\.)?(${queues})|retry\\.(${queues})\\.[0-9]+ms"
events='justlens\.events'

[ -z "${RABBITMQ_NODE:-}" ] || export RABBITMQ_NODENAME="$RABBITMQ_NODE"

ctl() {
    rabbitmqctl --quiet "$@"
}

user() { # name, password, tag or nothing, configure, write, read
    command=add_user
    if printf '%s\n' "$known" | grep -qxF "$1"; then command=change_password; fi
    # RabbitMQ 4 reads a password from a pipe only when the user's name is the one argument: no option beside it.
    printf '%s\n' "$2" | rabbitmqctl "$command" "$1" >/dev/null
    # shellcheck disable=SC2086  # no tag is no argument, which takes away what was there
    ctl set_user_tags "$1" $3
    ctl set_permissions --vhost "$vhost" "$1" "$4" "$5" "$6"
}

: "${RABBITMQ_ORCHESTRATOR_PASSWORD:?}" "${RABBITMQ_PUBLISHER_PASSWORD:?}" "${RABBITMQ_OPERATOR_PASSWORD:?}"
ctl list_vhosts name --no-table-headers | grep -qxF "$vhost" || ctl add_vhost "$vhost"
known=$(ctl list_users --no-table-headers | cut -f 1)

# Declares its queues at every start, consumes and publishes jobs, announces. No tag: it cannot see the management API.
user justlens-orchestrator "$RABBITMQ_ORCHESTRATOR_PASSWORD" '' \
    "^${prefix}(${ours}|${events})\$" "^(amq\\.default|${prefix}${events})\$" "^${prefix}(${ours})\$"
# The API, and whoever else hands in jobs: publishes them, asks how many wait, and nothing else. RabbitMQ 4.3 answers the
# question only to those who have some right to the queue; to write to one is to bind it, which takes an exchange to read.
user justlens-publisher "$RABBITMQ_PUBLISHER_PASSWORD" '' '^$' "^(amq\\.default|${prefix}(${ours}))\$" '^$'
# `justlens topology` and `justlens doctor`, for people and for deployments, never for a process that stays: it has to
# be an administrator, because the management API shows feature flags to nobody else.
user justlens-operator "$RABBITMQ_OPERATOR_PASSWORD" administrator \
    "^${prefix}(${ours}|${events})\$" "^(amq\\.default|${prefix}${events})\$" "^${prefix}(${ours})\$"

if printf '%s\n' "$known" | grep -qxF guest; then
    ctl delete_user guest
fi
