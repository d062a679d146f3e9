import { join } from 'node:path';
import { Command } from 'commander';
import { DrillError, ExitCode, formatProblem, InputError } from '../kernel/errors.ts';
import { type LabStatus, labDown, labStatus, labUp } from '../lab/lab-command.ts';
import { packageDir } from '../lab/package-dir.ts';
import { loadModel } from '../scenario/load.ts';
import { checkModel } from '../topology/check.ts';
import { clusterOf } from '../topology/cluster.ts';
import { modelFileWarnings, readModelFiles } from '../topology/model-files.ts';
import { type CommonOptions, interruptSignal, noteTo, print } from './output.ts';

/** The model that the package brings along, wherever the command is called. */
const referenceModel = join(packageDir, 'models', 'reference-architecture.yaml');

/** `pgdrill lab up | status | down`: the real cluster on its own, for exploring by hand. */
export function labCommand(): Command {
  const lab = new Command('lab')
    .description('start, show and stop a real cluster on this machine, for exploring by hand')
    .addHelpText('after', '\nExample:\n  pgdrill lab up && pgdrill lab status && pgdrill lab down');
  const command = (name: string, description: string): Command =>
    lab
      .command(name)
      .description(description)
      .option('--json', 'one JSON value on stdout and nothing else')
      .option('--quiet', 'no progress on stderr');
  command('up', 'start the cluster and leave it running')
    .option('--model <file>', 'cluster model (default: the reference architecture of this package)')
    .addHelpText('after', '\nExample:\n  pgdrill lab up --model models/reference-architecture.yaml')
    .action(up);
  command('status', 'show servers, roles, agents and Pgpool’s nodes, asked of them now')
    .addHelpText(
      'after',
      '\nWithout a lab the exit code is 1, and --json prints null.\n\nExample:\n  pgdrill lab status --json',
    )
    .action(status);
  command('down', 'stop the cluster and remove its files')
    .addHelpText('after', '\nExample:\n  pgdrill lab down')
    .action(down);
  return lab;
}

async function up(options: CommonOptions & { model?: string }): Promise<void> {
  const { model, problems } = loadModel(options.model ?? referenceModel);
  const files = model && readModelFiles(model);
  if (model) problems.push(...checkModel(model, files));
  if (!model || problems.length > 0) throw new InputError(problems);
  const note = noteTo(options);
  if (files)
    for (const warning of modelFileWarnings(files, model)) note(`warning: ${formatProblem(warning)}`);
  const { signal, release } = interruptSignal(note);
  try {
    await labUp(clusterOf(model.value, files), { onProgress: note, signal });
  } finally {
    release();
  }
  await status(options);
}

async function status(options: CommonOptions): Promise<void> {
  const found = await labStatus();
  if (!found && options.json) print('null');
  if (!found) throw new DrillError('no lab is up', { hint: 'pgdrill lab up', exitCode: ExitCode.usage });
  print(options.json ? JSON.stringify(found, null, 2) : renderStatus(found));
}

async function down(options: CommonOptions): Promise<void> {
  const stopped = await labDown();
  if (options.json) print(JSON.stringify({ stopped }));
  else noteTo(options)(stopped ? 'the lab is stopped and its files are removed' : 'no lab is up');
}

function renderStatus({ name, versions, servers, pgpool, access }: LabStatus): string {
  const rows = servers.map(({ name: server, address, port, role, agent }) => {
    const where = port === null ? address : `${address}:${port}`;
    return `  ${server.padEnd(12)}${where.padEnd(22)}${(role ?? '-').padEnd(10)}${agent ? 'running' : '-'}`;
  });
  const nodes = (pgpool?.nodes ?? []).map(
    ({ id, address, port, status: state, role, share }) =>
      `  ${String(id).padEnd(6)}${`${address}:${port}`.padEnd(22)}${state.padEnd(12)}${role.padEnd(10)}${share?.toFixed(3) ?? '-'}`,
  );
  return [
    `${name}: PostgreSQL ${versions.postgres}, Pgpool-II ${versions.pgpool}, EFM agents emulated`,
    '',
    `  ${'server'.padEnd(12)}${'address'.padEnd(22)}${'role'.padEnd(10)}agent`,
    ...rows,
    '',
    `  ${'node'.padEnd(6)}${'address'.padEnd(22)}${'status'.padEnd(12)}${'role'.padEnd(10)}share`,
    ...(pgpool?.failure ? [`  Pgpool does not answer: ${pgpool.failure}`] : nodes),
    '',
    `application:  ${access.psql}`,
    `efm:          ${access.efm}`,
    `logs:         ${access.logs}`,
  ].join('\n');
}
