import { isMap, isScalar, parseDocument } from 'yaml';
import { invariant } from '../kernel/errors.ts';
import { modelShape } from './model-shape.ts';

/** New content of one entry of a model's `serviceTimes`; durations in ms. */
export interface ServiceTimeEdit {
  name: string;
  value:
    | { meanMs: number; variation: number; distribution: 'lognormal' | 'gamma' }
    | { quantilesMs: readonly number[] }
    | { bytes: number }
    /** Only the source changes. */
    | null;
  source: string;
}

const section = 'serviceTimes';

/** Digits of a number in a model: more than any measurement has. */
const digits = 4;

/**
 * Writes service times into the text of a cluster model; everything else stays as it is, comments included.
 *
 * @param text of a model that was read without problems
 * @param edits entries that are not in the text are added
 * @returns the new text
 */
export function withServiceTimes(
  text: string,
  { calibrated, edits }: { calibrated: boolean; edits: readonly ServiceTimeEdit[] },
): string {
  const document = parseDocument(text);
  const root = document.contents;
  const pair = isMap(root) ? root.items.find(({ key }) => isScalar(key) && key.value === section) : undefined;
  invariant(isMap(root) && pair && isScalar(pair.key) && isMap(pair.value), `the model has ${section}`);
  const { key, value: times } = pair;
  const [startOffset = 0] = key.range ?? [];
  const [, , endOffset = text.length] = times.range ?? [];
  document.setIn([section, 'calibrated'], calibrated);
  for (const { name, value, source } of edits) {
    const path = [section, name];
    if (value !== null)
      document.setIn(path, document.createNode({ ...contentOf(value), source }, { flow: true }));
    else if (document.hasIn(path)) document.setIn([...path, 'source'], source);
  }
  root.items = [pair];
  for (const node of [document, root, key]) node.commentBefore = null;
  document.comment = null;
  key.spaceBefore = false;
  const edited = document.toString({ lineWidth: 0, flowCollectionPadding: true });
  const whole = text.slice(0, startOffset) + edited + text.slice(endOffset);
  const checked = modelShape.safeParse(parseDocument(whole).toJS());
  invariant(checked.success, `an edited model stays well-formed: ${checked.error?.message}`);
  return whole;
}

function contentOf(value: Exclude<ServiceTimeEdit['value'], null>): Record<string, unknown> {
  if ('bytes' in value) return { bytes: Math.round(value.bytes) };
  if ('quantilesMs' in value)
    return {
      distribution: 'empirical',
      quantiles: value.quantilesMs.map((ms) => Number(ms.toPrecision(digits))),
    };
  const { meanMs, variation, distribution } = value;
  return {
    mean: `${plain(meanMs)}ms`,
    variation: Number(variation.toPrecision(digits)),
    ...(distribution === 'lognormal' ? {} : { distribution }),
  };
}

/** A number as a duration holds it: without an exponent. */
function plain(value: number): string {
  const rounded = Number(value.toPrecision(digits));
  return rounded >= 1e-6
    ? rounded.toLocaleString('en-US', { useGrouping: false, maximumFractionDigits: 9 })
    : '0';
}
