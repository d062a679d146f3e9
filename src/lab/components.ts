import type { Component } from '../recording/manifest.ts';
import type { Binaries } from './binaries.ts';

/** What is real in a lab and what is not. */
export function componentsOf({
  postgresVersion,
  pgpoolVersion,
}: Pick<Binaries, 'postgresVersion' | 'pgpoolVersion'>): Component[] {
  return [
    { name: 'PostgreSQL', kind: 'real', version: `${postgresVersion}, fsync off` },
    { name: 'Pgpool-II', kind: 'real', version: pgpoolVersion },
    { name: 'EFM agents', kind: 'emulated', version: null },
  ];
}
