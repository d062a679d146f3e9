#!/bin/sh
# pgpool_backend.sh check_primary|promote|attach|detach|watchdog <host> [port]
# The PCP side of the EFM hooks: EFM names servers by address, PCP by node id. Exit codes: docs/integration-scripts.md.
# For attach, PGDRILL_NODE_TYPE may say what EFM takes the server for (p or s); the hook scripts set it.
set -fu
here=$(dirname -- "$(readlink -f -- "$0")")
# shellcheck source=scripts/efm/pgpool_common.sh
. "$here/pgpool_common.sh"
LOG_FILE=''

usage() { finish "$EXIT_USAGE" "usage: ${0##*/} check_primary|promote|attach|detach <host> [port], or watchdog"; }

operation=${1:-}
host=${2:-}
port=${3:-}
case $operation in
  check_primary | promote | attach | detach) if [ -z "$host" ] || [ $# -gt 3 ]; then usage; fi ;;
  watchdog) ;;
  *) usage ;;
esac
case $port in *[!0-9]*) usage ;; esac
load_settings "$here"

case $operation in
  check_primary)
    locate "$host" "$port"
    if [ "$node_role" = primary ] && node_in_use; then finish "$EXIT_DONE" "primary"; fi
    finish "$EXIT_NO" "not primary"
    ;;
  promote)
    locate "$host" "$port"
    promote_node "$host" "$port"
    finish "$EXIT_DONE" "node $node_id ($node_host:$node_port) is Pgpool's primary"
    ;;
  attach)
    locate "$host" "$port"
    attach_node "${PGDRILL_NODE_TYPE:-}"
    finish "$EXIT_DONE" "node $node_id ($node_host:$node_port) is attached"
    ;;
  detach)
    locate "$host" "$port"
    detach_node
    finish "$EXIT_DONE" "node $node_id ($node_host:$node_port) is detached"
    ;;
  watchdog)
    watchdog_rc=0
    pcp pcp_watchdog_info -v || watchdog_rc=$?
    case $watchdog_rc:$pcp_out in
      0:*) finish "$EXIT_DONE" "$pcp_out" ;;
      *'watchdog is not enabled'*) finish "$EXIT_NO" "watchdog is not enabled" ;;
      *) finish "$EXIT_UNREACHABLE" "Pgpool at $PCP_HOST:$PCP_PORT: $pcp_out" ;;
    esac
    ;;
esac
