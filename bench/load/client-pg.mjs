// The same closed loop as client.mjs, through the `pg` package, nothing recorded but counts.
import pg from 'pg';

const { target, protocol, sessions, seconds, warmupSeconds, scale } = JSON.parse(process.argv[2]);
const clients = await Promise.all(
  Array.from({ length: sessions }, async () => {
    const client = new pg.Client(target);
    await client.connect();
    return client;
  }),
);
const sql = 'SELECT abalance FROM pgbench_accounts WHERE aid = ';
let ended = 0;
const startMs = performance.now();
const stopMs = startMs + (warmupSeconds + seconds) * 1000;

async function loop(client) {
  while (performance.now() < stopMs) {
    const aid = 1 + Math.floor(Math.random() * scale * 100_000);
    if (protocol === 'simple') await client.query(`${sql}${aid};`);
    else await client.query({ name: 'P0', text: `${sql}$1;`, values: [aid] });
    ended += 1;
  }
}

let openCpu;
let openEnded = 0;
setTimeout(() => {
  openCpu = process.cpuUsage();
  openEnded = ended;
}, warmupSeconds * 1000);
await Promise.all(clients.map(loop));
const { user, system } = process.cpuUsage(openCpu);
const whole = process.cpuUsage();
const inWindow = ended - openEnded;
await Promise.all(clients.map((client) => client.end()));
process.stdout.write(
  JSON.stringify({
    perSecond: inWindow / seconds,
    cpuMicros: (user + system) / inWindow,
    wholeCpuMicros: (whole.user + whole.system) / ended,
  }),
);
