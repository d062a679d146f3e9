#!/bin/bash
# follow_primary.sh %d %P %h %p: Pgpool's follow_primary_command (follow_master_command before 4.2), run for each node that
# Pgpool set down when it learnt of a new primary. EFM has re-pointed the standbys or is about to: here they only come back.
#   %d node that was set down   %P node id of the old primary, -1 if Pgpool knew none   %h %p address and port of %d
#
# Pgpool runs these one after the other and holds its follow-primary lock meanwhile: the search for a primary is
# skipped and a later change may wait. So a node is looked at once, for a second at most, and a standby that answers is attached at
# once; everything that takes time goes on in the background. With %P = -1 (EFM detaches before it promotes, so this is the usual
# case) the old primary cannot be told by its id: what the server itself says decides. Bash, because only it can close
# the two-digit file descriptors that a background process would else keep of Pgpool: its listening sockets.
set -fu
here=$(dirname -- "$(readlink -f -- "$0")")
# shellcheck source=scripts/efm/pgpool_common.sh
. "$here/pgpool_common.sh"
LOG_FILE=''

if [ $# -ne 4 ] || [[ ! $1 =~ ^[0-9]+$ || ! $2 =~ ^-?[0-9]+$ || -z $3 || ! $4 =~ ^[0-9]+$ ]]; then
  finish "$EXIT_USAGE" "usage: ${0##*/} <node id> <old primary id> <host> <port> (pgpool.conf: %d %P %h %p)"
fi
load_settings "$here"
node_id=$1 old_primary_id=$2 node_host=$3 node_port=$4 node_status=3 node_role='' other_primary=''

# Waits for the server to answer, then attaches it and sees that it stays. bring_back [sent]: the attach is on its way.
bring_back() {
  set_deadline "$FOLLOW_WAIT"
  while [ "$server_is" = silent ]; do
    late && finish "$EXIT_UNFIT" "node $node_id ($node_host:$node_port) not attached: silent for $FOLLOW_WAIT s: $server_says"
    sleep 0.5
    refresh
    if node_in_use; then finish "$EXIT_DONE" "node $node_id ($node_host:$node_port) was attached by someone else"; fi
    look_at_server "$node_host" "$node_port"
  done
  attach_node s "${1:-}"
  finish "$EXIT_DONE" "node $node_id ($node_host:$node_port) is attached"
}

# Closes what was inherited beyond the standard three, but for bash's own handle on this script.
leave_pgpool() {
  local descriptor
  set +f
  for descriptor in /proc/"$BASHPID"/fd/*; do
    descriptor=${descriptor##*/}
    if [[ $descriptor -gt 2 && $descriptor -ne 255 ]]; then exec {descriptor}>&-; fi
  done
  set -f
}

# follow_in_background waiting|sent: this script again, in a session of its own.
follow_in_background() {
  PGDRILL_FOLLOWING=$1 setsid "$0" "$node_id" "$old_primary_id" "$node_host" "$node_port" </dev/null >/dev/null 2>&1 &
  exit "$EXIT_DONE"
}

case ${PGDRILL_FOLLOWING:-} in
  waiting)
    leave_pgpool
    server_is=silent server_says=''
    bring_back
    ;;
  sent)
    leave_pgpool
    server_is=standby
    bring_back sent
    ;;
esac

log "node $node_id ($node_host:$node_port) was set down, old primary was $old_primary_id"
if [ "$node_id" -eq "$old_primary_id" ]; then
  finish "$EXIT_DONE" "node $node_id ($node_host:$node_port) is the old primary: EFM attaches it when it is a standby"
fi
patience=$DB_TIMEOUT
DB_TIMEOUT=1
look_at_server "$node_host" "$node_port"
DB_TIMEOUT=$patience
case $server_is in
  primary) finish "$EXIT_UNFIT" "node $node_id ($node_host:$node_port) not attached: it is not in recovery" ;;
  standby)
    pcp pcp_attach_node -n "$node_id"
    log "attach of node $node_id ($node_host:$node_port): $pcp_out"
    follow_in_background sent
    ;;
  silent)
    log "node $node_id ($node_host:$node_port) does not answer yet, waiting up to $FOLLOW_WAIT s: $server_says"
    follow_in_background waiting
    ;;
esac
