#!/bin/sh
# What the integration scripts share: exit codes, settings, log, PCP calls, a look at a server, and the four
# operations on a Pgpool backend. Sourced, not run. Functions answer in variables, so that none needs a subshell:
# a script may stand between a dead primary and the first write on the new one.
# shellcheck disable=SC2034  # answers are read by the scripts that source this file

# Exit codes. PCP commands end with 0 even when they were refused, so these come from messages and states.
EXIT_DONE=0        # done, or it was already so
EXIT_USAGE=1       # wrong arguments, or settings that cannot be used
EXIT_UNREACHABLE=2 # no answer from Pgpool's PCP port, or the PCP user was refused
EXIT_UNKNOWN=3     # Pgpool has no such backend
EXIT_TIMEOUT=4     # Pgpool took the request but the wanted state was not reached in time
EXIT_UNFIT=5       # refused by us: this server must not get that role now
EXIT_NO=6          # a question answered with no: not the primary, watchdog not enabled

# Pgpool's backend states as PCP numbers them: 0 unused, 1 waiting (in use, no session yet), 2 up, 3 down.

# log TEXT: one line with time and script name to LOG_FILE, if it can be written.
log() {
  [ -n "$LOG_FILE" ] || return 0
  printf '%s %s[%s] %s\n' "$(date '+%Y-%m-%dT%H:%M:%S.%3N%z')" "${0##*/}" "$$" "$1" 2>/dev/null >>"$LOG_FILE" || :
}

# finish CODE TEXT: says how it ended (errors on stderr, which EFM passes on in its notice) and exits.
finish() {
  log "exit $1: $2"
  if [ "$1" -eq 0 ] || [ "$1" -eq "$EXIT_NO" ]; then printf '%s\n' "$2"; else printf '%s: %s\n' "${0##*/}" "$2" >&2; fi
  exit "$1"
}

# load_settings DIRECTORY: reads NAME=value lines of pgpool.env there, or of the file PGDRILL_PGPOOL_ENV names. The
# file is parsed, never executed; an unknown name is an error, because it is a setting that would have no effect.
load_settings() {
  PCP_HOST=localhost PCP_PORT=9898 PCP_USER='' PCP_BIN='' PSQL='' DB_USER=postgres DB_NAME=postgres LOG_FILE=''
  PCP_TIMEOUT=5 DB_TIMEOUT=3 DETACH_WAIT=15 ATTACH_WAIT=15 ATTACH_HOLD=2 PROMOTE_WAIT=20 SEARCH_WAIT=4 FOLLOW_WAIT=60
  settings_file=${PGDRILL_PGPOOL_ENV:-$1/pgpool.env}
  [ -r "$settings_file" ] || finish "$EXIT_USAGE" "cannot read the settings $settings_file (copy pgpool.env.example there)"
  line_number=0
  while IFS= read -r line || [ -n "$line" ]; do
    line_number=$((line_number + 1))
    case $line in '' | '#'*) continue ;; esac
    value=${line#*=}
    case $value in \"*\" | \'*\') value=${value#?} value=${value%?} ;; esac
    take_setting "${line%%=*}" "$value"
  done <"$settings_file"
  [ -n "$PCP_USER" ] || finish "$EXIT_USAGE" "$settings_file: PCP_USER is not set"
  PATH="$PATH:/usr/sbin:/usr/local/sbin" # where packages put the PCP commands, not in every user's path
  pcp_prefix=${PCP_BIN:+${PCP_BIN%/}/}
  command -v "${pcp_prefix}pcp_node_info" >/dev/null || finish "$EXIT_USAGE" "no ${pcp_prefix}pcp_node_info: set PCP_BIN"
}

take_setting() {
  case $1 in
    PCP_HOST) PCP_HOST=$2 ;;
    PCP_PORT) PCP_PORT=$2 ;;
    PCP_USER) PCP_USER=$2 ;;
    PCPPASSFILE) export PCPPASSFILE="$2" ;;
    PCP_BIN) PCP_BIN=$2 ;;
    PSQL) PSQL=$2 ;;
    DB_USER) DB_USER=$2 ;;
    DB_NAME) DB_NAME=$2 ;;
    PGPASSFILE) export PGPASSFILE="$2" ;;
    LOG_FILE) LOG_FILE=$2 ;;
    PCP_TIMEOUT) PCP_TIMEOUT=$2 ;;
    DB_TIMEOUT) DB_TIMEOUT=$2 ;;
    DETACH_WAIT) DETACH_WAIT=$2 ;;
    ATTACH_WAIT) ATTACH_WAIT=$2 ;;
    ATTACH_HOLD) ATTACH_HOLD=$2 ;;
    PROMOTE_WAIT) PROMOTE_WAIT=$2 ;;
    SEARCH_WAIT) SEARCH_WAIT=$2 ;;
    FOLLOW_WAIT) FOLLOW_WAIT=$2 ;;
    *) finish "$EXIT_USAGE" "$settings_file:$line_number: no setting has the name '$1'" ;;
  esac
  case $1 in
    PCP_PORT | *_TIMEOUT | *_WAIT | *_HOLD)
      case $2 in '' | *[!0-9]*) finish "$EXIT_USAGE" "$settings_file:$line_number: $1 must be a whole number, not '$2'" ;; esac
      ;;
  esac
}

# The monotonic clock in hundredths of a second, in now_cs. No process is started for it.
read_clock() {
  read -r uptime _ </proc/uptime
  now_cs=${uptime%.*}${uptime#*.}
}

# set_deadline SECONDS, and late: is it past?
set_deadline() { read_clock && deadline_cs=$((now_cs + $1 * 100)); }
late() { read_clock && [ "$now_cs" -ge "$deadline_cs" ]; }

# pcp COMMAND [ARGUMENT…]: one short PCP connection (Pgpool before 4.5 freezes as long as one stays open over a
# change of state). Answer and messages in pcp_out. Returns 0 answered, 1 refused, 2 unreachable, no answer or rejected user.
pcp() {
  pcp_tool=$pcp_prefix$1
  shift
  pcp_rc=0
  pcp_out=$(timeout "$PCP_TIMEOUT" "$pcp_tool" -h "$PCP_HOST" -p "$PCP_PORT" -U "$PCP_USER" -w "$@" 2>&1 </dev/null) || pcp_rc=$?
  case $pcp_rc:$pcp_out in
    124:*) pcp_out="no answer within $PCP_TIMEOUT s" && return 2 ;;
    *'connection to '*failed* | *[Aa]uthentication* | *'could not connect'* | *'unable to read data'* | *'could not read'*) return 2 ;;
    *ERROR:* | *FATAL:*) return 1 ;;
    0:*) return 0 ;;
    *) return 1 ;;
  esac
}

# read_nodes FIRST_ID: appends the node-info lines of pcp_out to `nodes`, as "id host port status role".
# Columns: 9 in Pgpool 4.0; 11 in 4.1 and 4.2, 9 when the replication states print as nothing; 13 from 4.3 on, where
# pg_status stands before the role.
read_nodes() {
  next_id=$1
  while IFS= read -r row; do
    # shellcheck disable=SC2086  # split into columns
    set -- $row
    [ $# -ge 9 ] || continue
    case $2$3 in *[!0-9]*) continue ;; esac
    if [ $# -ge 12 ]; then row_role=$7; else row_role=$6; fi
    nodes="$nodes$next_id $1 $2 $3 $row_role
"
    next_id=$((next_id + 1))
  done <<EOF
$pcp_out
EOF
}

# list_nodes: all backends in `nodes`; one connection from 4.3 on, one each before. Returns as pcp does.
list_nodes() {
  nodes=''
  pcp pcp_node_info
  list_rc=$?
  [ "$list_rc" -ne 2 ] || return 2
  [ "$list_rc" -ne 0 ] || read_nodes 0
  [ -z "$nodes" ] || return 0
  pcp pcp_node_count || return $?
  node_count=$pcp_out
  case $node_count in '' | *[!0-9]*) return 2 ;; esac
  list_id=0
  while [ "$list_id" -lt "$node_count" ]; do
    pcp pcp_node_info -n "$list_id" || return $?
    read_nodes "$list_id"
    list_id=$((list_id + 1))
  done
}

# find_node HOST [PORT]: the backend in node_id, node_host, node_port, node_status, node_role; `searching` is yes
# when Pgpool looks for a new primary just now (it still lists the down one as primary). Ends the script if there is none.
find_node() {
  matches=0 searching=no other_primary=''
  while read -r row_id row_host row_port row_status row_role; do
    [ -n "$row_id" ] || continue
    if [ "$row_host" = "$1" ] && { [ -z "${2:-}" ] || [ "$row_port" = "$2" ]; }; then
      matches=$((matches + 1))
      node_id=$row_id node_host=$row_host node_port=$row_port node_status=$row_status node_role=$row_role
    elif [ "$row_role" = primary ]; then
      if [ "$row_status" = 3 ]; then searching=yes; else other_primary="$row_host:$row_port"; fi
    fi
  done <<EOF
$nodes
EOF
  [ "$matches" -ne 0 ] || finish "$EXIT_UNKNOWN" "Pgpool at $PCP_HOST:$PCP_PORT has no backend $1${2:+:$2}"
  [ "$matches" -eq 1 ] || finish "$EXIT_USAGE" "$matches backends have the address $1: give the port too"
}

# locate HOST [PORT]: lists, then finds. A PCP process that restarts (Pgpool does so after every change) is asked again,
# for a second: a Pgpool that is not there must not hold up a failover.
locate() {
  set_deadline 1
  until list_nodes; do
    late && finish "$EXIT_UNREACHABLE" "Pgpool at $PCP_HOST:$PCP_PORT: $pcp_out"
    sleep 0.1
  done
  find_node "$@"
}

# refresh: reads the found backend's state again; on no answer the state stays as it was.
refresh() {
  nodes=''
  pcp pcp_node_info -n "$node_id" && read_nodes "$node_id"
  # shellcheck disable=SC2086  # split into fields
  set -- $nodes
  [ $# -ne 5 ] || node_status=$4 node_role=$5
}

node_in_use() { [ "$node_status" = 1 ] || [ "$node_status" = 2 ]; }

# look_at_server HOST PORT: server_is is primary, standby or silent (why: server_says).
look_at_server() {
  [ -n "$PSQL" ] || find_psql
  server_says=$(timeout "$DB_TIMEOUT" "$PSQL" -h "$1" -p "$2" -U "$DB_USER" -d "$DB_NAME" -XAtqwc 'SELECT pg_is_in_recovery()' 2>&1 </dev/null) || :
  case $server_says in
    t) server_is=standby ;;
    f) server_is=primary ;;
    *) server_is=silent ;;
  esac
}

# Where packages put psql, one folder a version. Debian's /usr/bin/psql is a wrapper that takes longer to start than the
# question takes to answer.
psql_places='/usr/lib/postgresql/*/bin/psql /usr/pgsql-*/bin/psql /usr/edb/as*/bin/psql'

# find_psql: the newest of psql_places in PSQL, else the one of the search path. Ends the script when there is none.
find_psql() {
  PSQL='' newest=-1
  set +f # the scripts run without expansion of patterns
  # shellcheck disable=SC2086  # split and expanded
  set -- $psql_places
  set -f
  for candidate; do
    version=${candidate%/bin/psql}
    version=${version##*[!0-9]}
    if [ -x "$candidate" ] && [ "${version:-0}" -gt "$newest" ]; then PSQL=$candidate newest=${version:-0}; fi
  done
  [ -n "$PSQL" ] || PSQL=$(command -v psql) || finish "$EXIT_USAGE" "no psql in $psql_places or the search path: set PSQL"
}

# detach_node: the found backend is down when this returns. It does not wait for Pgpool's search for a primary.
detach_node() {
  [ "$node_status" != 3 ] || finish "$EXIT_DONE" "node $node_id ($node_host:$node_port) was already down"
  set_deadline "$DETACH_WAIT"
  sent=no
  while [ "$node_status" != 3 ]; do
    late && finish "$EXIT_TIMEOUT" "node $node_id ($node_host:$node_port) not down after $DETACH_WAIT s: $pcp_out"
    if [ "$sent" = no ]; then
      pcp pcp_detach_node -n "$node_id" && sent=yes
      log "detach of node $node_id ($node_host:$node_port): $pcp_out"
    else
      sleep 0.02
    fi
    refresh
  done
}

# refuse_unfit TYPE: ends the script when the found server must not get reads or writes now. TYPE is what EFM says it
# is: p, s, or empty if not said. A server out of recovery that is not the primary is a stale one: attached with a higher node
# id, Pgpool would send it the writes.
refuse_unfit() {
  look_at_server "$node_host" "$node_port"
  case $server_is:$1 in
    silent:*) finish "$EXIT_UNFIT" "not attached: $node_host:$node_port does not answer: $server_says" ;;
    primary:s) finish "$EXIT_UNFIT" "not attached: $node_host:$node_port should be a standby but is not in recovery" ;;
    primary:)
      [ -z "$other_primary" ] || finish "$EXIT_UNFIT" "not attached: $node_host:$node_port is not in recovery, and $other_primary is the primary"
      ;;
  esac
}

# attach_node TYPE: the found backend is in use when this returns, and stayed so for ATTACH_HOLD: when Pgpool learns of a new
# primary it sets all other nodes down, a node attached a moment ago too.
# attach_node TYPE sent: the request is on its way already.
attach_node() {
  if node_in_use && [ -z "${2:-}" ]; then return; fi
  set_deadline "$ATTACH_WAIT"
  held_cs=''
  sent_cs=${2:+$now_cs}
  while :; do
    read_clock
    if node_in_use; then
      : "${held_cs:=$now_cs}"
      [ $((now_cs - held_cs)) -lt $((ATTACH_HOLD * 100)) ] || return 0
    else
      [ "$now_cs" -lt "$deadline_cs" ] || finish "$EXIT_TIMEOUT" "node $node_id ($node_host:$node_port) not attached after $ATTACH_WAIT s: $pcp_out"
      if [ -n "$held_cs" ]; then log "node $node_id was set down again" && held_cs='' sent_cs=''; fi
      if [ -z "$sent_cs" ] || [ $((now_cs - sent_cs)) -ge 200 ]; then
        refuse_unfit "$1"
        pcp pcp_attach_node -n "$node_id" && sent_cs=$now_cs
        log "attach of node $node_id ($node_host:$node_port): $pcp_out"
      fi
    fi
    if [ -n "$held_cs" ]; then sleep 0.2; else sleep 0.02; fi
    refresh
  done
}

# promote_node HOST [PORT]: Pgpool lists the found backend as its primary when this returns. Bookkeeping only: the server must
# be out of recovery already. pcp_promote_node cuts all sessions and sets all other nodes down, so it is left out
# when Pgpool knows, or finds out by the search that runs just now. For a down node it would do nothing and report success.
promote_node() {
  set_deadline "$PROMOTE_WAIT"
  read_clock
  search_end_cs=$((now_cs + SEARCH_WAIT * 100)) sent_cs='' attached_cs='' checked=no
  until [ "$node_role" = primary ] && node_in_use; do
    late && finish "$EXIT_TIMEOUT" "node $node_id ($node_host:$node_port) not Pgpool's primary after $PROMOTE_WAIT s: $pcp_out"
    if [ "$checked" = no ]; then
      look_at_server "$node_host" "$node_port"
      [ "$server_is" = primary ] || finish "$EXIT_UNFIT" "not promoted: $node_host:$node_port is $server_is: $server_says"
      checked=yes
    fi
    if [ "$searching" = yes ] && [ "$now_cs" -lt "$search_end_cs" ]; then
      sleep 0.03
    elif [ -n "$sent_cs" ] && [ $((now_cs - sent_cs)) -lt 200 ]; then
      sleep 0.02
    elif node_in_use; then
      pcp pcp_promote_node -n "$node_id" && sent_cs=$now_cs
      log "promote of node $node_id ($node_host:$node_port): $pcp_out"
    elif [ -n "$attached_cs" ] && [ $((now_cs - attached_cs)) -lt 500 ]; then
      sleep 0.03
    else
      pcp pcp_attach_node -n "$node_id" && attached_cs=$now_cs
      log "attach of node $node_id ($node_host:$node_port) before its promotion: $pcp_out"
    fi
    list_nodes && find_node "$@"
  done
}
