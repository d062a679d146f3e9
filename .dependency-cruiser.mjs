/**
 * The layers of docs/architecture.md, in the order in which knowledge flows: a layer may import itself and the ones
 * listed before it, less the exceptions. Owners: a package or built-in that only the named layers may touch.
 */
export const order = [
  'kernel',
  'recording',
  'scenario',
  'topology',
  'workload',
  'roles',
  'drills',
  'load',
  'observe',
  'agents',
  'lab',
  'live',
  'sim',
  'analysis',
  'report',
  'run',
  'study',
  'cli',
];
const blind = {
  recording: ['scenario'],
  lab: ['agents'],
  sim: ['load', 'observe', 'agents', 'lab', 'live'],
  analysis: ['load', 'observe', 'agents', 'lab', 'live', 'sim'],
  report: ['load', 'observe', 'agents', 'lab', 'live', 'sim'],
};
const owners = {
  xstate: ['roles'],
  pg: ['load', 'observe', 'agents', 'lab', 'live'],
  'hdr-histogram-js': ['recording'],
  commander: ['cli'],
  yaml: ['scenario'],
  zod: ['scenario', 'recording'],
  uplot: ['report'],
  'node:child_process': ['agents', 'lab', 'live'],
  'node:net': ['load', 'observe', 'agents', 'lab'],
  'node:worker_threads': ['load', 'study'],
  koffi: ['load'],
};
const inside = (names) => `^src/(${names.join('|')})(/|[.]ts$)`;

export default {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-orphans', severity: 'error', from: { orphan: true, path: '^src/' }, to: {} },
    ...order.map((layer, index) => {
      const allowed = order.slice(0, index + 1).filter((name) => !(blind[layer] ?? []).includes(name));
      return {
        name: `layer-${layer}`,
        severity: 'error',
        from: { path: inside([layer]) },
        to: { path: '^src/', pathNot: inside(allowed) },
      };
    }),
    ...Object.entries(owners).map(([name, allowed]) => ({
      name: `owner-${name.replace('node:', '')}`,
      severity: 'error',
      from: { path: '^src/', pathNot: inside(allowed) },
      to: { path: name.startsWith('node:') ? `^${name.slice(5)}$` : `node_modules/(@types/)?${name}/` },
    })),
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
