#!/bin/sh
# post_promotion.sh %p %f: EFM's script.post.promotion, run on the promoted node. Tells Pgpool that %p is its primary
# now; %f, the failed primary, may be empty and is not needed. Exit codes: docs/integration-scripts.md.
set -fu
here=$(dirname -- "$(readlink -f -- "$0")")

if [ $# -lt 1 ] || [ $# -gt 3 ] || [ -z "$1" ]; then
  printf 'usage: %s <new primary> [failed primary [port]]\n' "${0##*/}" >&2
  exit 1
fi
exec "$here/pgpool_backend.sh" promote "$1" "${3:-}"
