// The built program (npm run build), or the one in the folder that $PGDRILL_DIST names.
import { pathToFileURL } from 'node:url';

const folder = process.env.PGDRILL_DIST
  ? `${pathToFileURL(process.env.PGDRILL_DIST)}/`
  : new URL('../../dist/', import.meta.url).href;

/** A module of it, by its path under src without ending. */
export function built(module) {
  return import(`${folder}${module}.js`);
}
