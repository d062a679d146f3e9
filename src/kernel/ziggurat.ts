/**
 * Layers of equal area under a density that falls from 1 at 0: a draw picks a layer, then a point across it, and nearly
 * always that is all (Marsaglia and Tsang, The ziggurat method for generating random variables, 2000).
 */
export interface Layers {
  /** By layer: length of one of the 2²⁴ steps across it. */
  width: Float64Array;
  /** By layer: so many steps across it lie under the density for certain. */
  inner: Float64Array;
  /** By layer: the density at its outer edge. */
  height: Float64Array;
  /** Where the tail begins; layer 0 stands for it too. */
  tail: number;
}

const steps = 2 ** 24;

/**
 * @param count number of layers, a power of two
 * @param tail where the tail begins, which with `area`, that of each layer, belongs to the count (see the paper)
 */
function layersOf(
  { count, tail, area }: { count: number; tail: number; area: number },
  density: (x: number) => number,
  inverse: (height: number) => number,
): Layers {
  const last = count - 1;
  const width = new Float64Array(count);
  const inner = new Float64Array(count);
  const height = new Float64Array(count);
  const foot = area / density(tail);
  width[0] = foot / steps;
  inner[0] = (tail / foot) * steps;
  height[0] = 1;
  width[last] = tail / steps;
  height[last] = density(tail);
  let edge = tail;
  for (let layer = last - 1; layer > 0; layer -= 1) {
    const next = inverse(area / edge + density(edge));
    inner[layer + 1] = (next / edge) * steps;
    width[layer] = next / steps;
    height[layer] = density(next);
    edge = next;
  }
  return { width, inner, height, tail };
}

export const exponentialLayers: Layers = layersOf(
  { count: 256, tail: 7.697117470131487, area: 3.949659822581572e-3 },
  (x) => Math.exp(-x),
  (height) => -Math.log(height),
);

export const normalLayers: Layers = layersOf(
  { count: 128, tail: 3.442619855899, area: 9.91256303526217e-3 },
  (x) => Math.exp(-0.5 * x * x),
  (height) => Math.sqrt(-2 * Math.log(height)),
);

/** A height in the strip of a layer that is partly under the density, `unit` of its way up. */
export function under({ height }: Layers, layer: number, unit: number): number {
  const outer = height[layer] as number;
  return outer + unit * ((height[layer - 1] as number) - outer);
}
