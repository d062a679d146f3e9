/** What `pgdrill pgbench --help` prints. */
export const pgbenchHelp = `Usage: pgdrill pgbench [option]... [dbname]

Runs pgbench scripts with the options, the report and the log of PostgreSQL 15's pgbench, and goes on when
sessions are lost. dbname may be a connection string or a URI.

Initialization:
  -i, --initialize         make and fill pgbench's tables
  -I, --init-steps=[dtgGvpf]+   which steps, in this order (default "dtgvp")
  -F, --fillfactor=NUM     fill factor of the tables
  -n, --no-vacuum          no vacuum
  -q, --quiet              one line of progress every 5 seconds
  -s, --scale=NUM          scale factor
  --foreign-keys           foreign keys between the tables
  --unlogged-tables        unlogged tables

What to run:
  -b, --builtin=NAME[@W]   a built-in script with weight W ("-b list" lists them)
  -f, --file=NAME[@W]      a script file with weight W
  -N, --skip-some-updates  same as -b simple-update
  -S, --select-only        same as -b select-only

How to run it:
  -c, --client=NUM         clients (default 1)
  -C, --connect            a new connection for each transaction
  -D, --define=VAR=VALUE   a variable for scripts
  -j, --jobs=NUM           threads (default 1)
  -l, --log                log transactions to pgbench_log.PID
  -L, --latency-limit=MS   count transactions that take longer; with -R, skip those that are later
  -M, --protocol=simple|extended|prepared
  -n, --no-vacuum          no vacuum before the run
  -P, --progress=SEC       a line of progress every so many seconds
  -r, --report-per-command  latencies, failures and retries of each command
  -R, --rate=NUM           transactions a second
  -s, --scale=NUM          report this scale, and set :scale
  -t, --transactions=NUM   transactions of each client (default 10)
  -T, --time=SEC           run for so long
  -v, --vacuum-all         vacuum all tables before the run
  --aggregate-interval=SEC  log sums of intervals
  --failures-detailed      serialization failures and deadlocks apart
  --log-prefix=PREFIX      name of log files (default "pgbench_log")
  --max-tries=NUM          tries of a transaction that meets a deadlock or serialization failure (default 1)
  --progress-timestamp     time of day in lines of progress
  --random-seed=SEED       "time", "rand" or an integer; an integer gives pgbench's own sequence
  --sampling-rate=NUM      share of transactions that are logged
  --verbose-errors         tell every deadlock and serialization failure

Connection and common options:
  -d, --debug              tell what is done
  -h, --host=HOST          server, or folder of its socket
  -p, --port=PORT
  -U, --username=NAME
  -V, --version
  -?, --help
  --show-script=NAME       show a built-in script

Ours:
  --abort-on-loss          a client that loses its session ends, as in pgbench
  --answer-timeout=SEC     a statement without an answer for so long is cancelled, and its session given up
  --json                   one JSON value on stdout instead of the report
  --results=DIR            keep 100 ms slices, latency histograms and the summary in a folder
  --transport=auto|ring|stream   io_uring or Node's sockets (default auto: io_uring where it can be had)

Where this differs from pgbench, on purpose:
  - A client that loses its session (closed connection, SQLSTATE 08*, 57P0*, 57000, 53300, XX000) opens another, with pauses of
    50 to 500 ms between attempts, and prepares its statements again. The transaction counts as failed, or as unknown when it
    may have been committed. 25006 (no primary known) fails the transaction and pauses. pgbench aborts the client.
    In a run by transactions (-t) a client without a session for 60 s is aborted.
  - Each session asks once, at its start, which server answers its reads (not with -C).
  - Prepared statements are parsed with their first use.
  - sslmode "prefer" does not try TLS; "require" does. No password is asked for: use PGPASSWORD or ~/.pgpass.
  - Ctrl-C ends the run and prints its results (exit code 130).
  - Below the report stand percentiles, outcomes, outages, reads by server, and what the generator used.
Not supported: \\shell, \\setshell, partitions, tablespaces.

Exit codes: 0 ok; 1 wrong options, or the start failed; 2 an error during the run, results are incomplete; 130 interrupted.

Example:
  pgdrill pgbench -i -s 10 mydb && pgdrill pgbench -c 8 -T 60 -P 5 -M prepared mydb
`;
