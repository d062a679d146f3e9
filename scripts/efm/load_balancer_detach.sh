#!/bin/sh
# load_balancer_detach.sh %h %t: EFM's script.load.balancer.detach. %h is the node's address, %t its type: p (m before
# EFM 4.0) or s. A backend's port may follow as a third argument. Exit codes: docs/integration-scripts.md.
set -fu
here=$(dirname -- "$(readlink -f -- "$0")")

usage() { printf 'usage: %s <node address> p|s [port]\n' "${0##*/}" >&2 && exit 1; }

if [ $# -lt 2 ] || [ $# -gt 3 ]; then usage; fi
case $2 in
  p | m) PGDRILL_NODE_TYPE=p ;;
  s) PGDRILL_NODE_TYPE=s ;;
  *) usage ;;
esac
export PGDRILL_NODE_TYPE
exec "$here/pgpool_backend.sh" detach "$1" "${3:-}"
