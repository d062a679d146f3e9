// Goal: the fit of the universal scalability law is the published one on published data, its intervals are those of R, and
// data that cannot carry it are refused.
// Method: data sets with their published coefficients; exact and noisy points of known laws; the minimum searched by brute force.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fitUsl, refusalOf, type ScalePoint, uslThroughput } from '../../src/analysis/usl.ts';

function pointsOf(pairs: readonly (readonly [n: number, throughput: number])[]): ScalePoint[] {
  return pairs.map(([n, throughput]) => ({ n, throughput }));
}

/** SPEC SDM91 on a Sun SPARCcenter 2000: scripts in hour against generators. Shipped with the R package `usl` as specsdm91. */
const specSdm91 = pointsOf([
  [1, 64.9],
  [18, 995.9],
  [36, 1652.4],
  [72, 1853.2],
  [108, 1828.9],
  [144, 1775],
  [216, 1702.2],
]);

/** A ray tracer on an SGI Origin 2000, the first six rows: Gunther, Guerrilla Capacity Planning (2007); `raytracer` of the R package. */
const rayTracer = pointsOf([
  [1, 20],
  [4, 78],
  [8, 130],
  [12, 170],
  [16, 190],
  [20, 200],
]);

/** MySQL on a Cisco UCS server: Schwartz, Practical Scalability Analysis with the Universal Scalability Law (2015). */
const cisco = pointsOf(
  [
    955.16, 1878.91, 2688.01, 3548.68, 4315.54, 5130.43, 5931.37, 6531.08, 7219.8, 7867.61, 8278.71, 8646.7,
    9047.84, 9426.55, 9645.37, 9897.24, 10097.6, 10240.5, 10532.39, 10798.52, 11151.43, 11518.63, 11806,
    12089.37, 12075.41, 12177.29, 12211.41, 12158.93, 12155.27, 12118.04, 12140.4, 12074.39,
  ].map((throughput, index) => [index + 1, throughput] as const),
);

function expectWithin(actual: number, published: number, share: number): void {
  expect(Math.abs(actual / published - 1), `${actual} against ${published}`).toBeLessThan(share);
}

describe('published fits, within 1 %', () => {
  test.each([
    // Coefficients as the README of the R package usl 3.0 prints them.
    ['SPEC SDM91', specSdm91, { lambda: 89.995233, sigma: 0.0277285, kappa: 0.0001044 }],
    // Coefficients as the book prints them.
    ['Cisco', cisco, { lambda: 995.6486, sigma: 0.02671591, kappa: 7.690945e-4 }],
    // Coefficients as a test of the R package usl expects them, to three digits.
    ['ray tracer', rayTracer, { lambda: 20.85605, sigma: 0.02444, kappa: 0.00163 }],
  ])('%s', (_name, points, published) => {
    const { lambda, sigma, kappa } = fitUsl(points);
    expectWithin(lambda.value, published.lambda, 0.01);
    expectWithin(sigma.value, published.sigma, 0.01);
    expectWithin(kappa.value, published.kappa, 0.01);
  });

  test('the peaks that are published with them', () => {
    const spec = fitUsl(specSdm91).peak;
    expectWithin(spec?.n ?? 0, 96.51956, 1e-4);
    expectWithin(spec?.throughput ?? 0, 1884, 1e-3);
    const book = fitUsl(cisco).peak;
    expect(Math.floor(book?.n ?? 0)).toBe(35);
    expectWithin(book?.throughput ?? 0, 12341, 1e-3);
  });

  test("R's confidence intervals and residuals", () => {
    const { lambda, sigma, kappa, residuals } = fitUsl(specSdm91);
    // Estimate ± t(0.975, 4 degrees) × the standard errors that R prints.
    for (const [{ value, low, high }, error] of [
      [lambda, 14.2134894],
      [sigma, 0.0091217],
      [kappa, 0.0000199],
    ] as const) {
      expectWithin((high ?? 0) - value, 2.776445 * error, 0.005);
      expectWithin(value - (low ?? 0), 2.776445 * error, 0.005);
    }
    const sorted = residuals.map(({ residual }) => residual).toSorted((first, second) => first - second);
    expect(sorted[0]).toBeCloseTo(-81.66, 1);
    expect(sorted[3]).toBeCloseTo(-25.09, 1);
    expect(sorted.at(-1)).toBeCloseTo(111.09, 1);
  });
});

describe('bounds', () => {
  test('data that bend the wrong way stop at 0, which has no interval and no peak', () => {
    const amdahl = pointsOf([1, 2, 4, 8, 16, 32].map((n) => [n, (100 * n) / (1 + 0.05 * (n - 1))] as const));
    const lifted = amdahl.map(({ n, throughput }) => ({
      n,
      throughput: n === 32 ? throughput * 1.05 : throughput,
    }));
    const fit = fitUsl(lifted);
    expect(fit.kappa).toEqual({ value: 0, low: null, high: null });
    expect(fit.peak).toBeNull();
    expectWithin(fit.limit ?? 0, fit.lambda.value / fit.sigma.value, 1e-12);
  });

  test('better than linear stops at both bounds: a straight line, with neither peak nor limit', () => {
    const fit = fitUsl(pointsOf([1, 2, 3, 4, 5, 6].map((n) => [n, n ** 1.2] as const)));
    expect([fit.sigma.value, fit.kappa.value, fit.peak, fit.limit]).toEqual([0, 0, null, null]);
    // The least-squares line through the origin.
    const slope = [1, 2, 3, 4, 5, 6].reduce((sum, n) => sum + n * n ** 1.2, 0) / 91;
    expectWithin(fit.lambda.value, slope, 1e-9);
  });

  test('throughput that only falls has its peak at one', () => {
    const fit = fitUsl(pointsOf([1, 2, 3, 4, 5, 6].map((n) => [n, 100 / n] as const)));
    expect(fit.peak?.n).toBe(1);
  });
});

const law = fc.record({
  lambda: fc.double({ min: 0.1, max: 1e5, noNaN: true }),
  sigma: fc.double({ min: 0.001, max: 0.6, noNaN: true }),
  kappa: fc.double({ min: 1e-5, max: 0.02, noNaN: true }),
});

describe('any law', () => {
  test('is found again from its own points', () => {
    fc.assert(
      fc.property(law, (at) => {
        const fit = fitUsl([1, 2, 4, 8, 16, 32, 64].map((n) => ({ n, throughput: uslThroughput(n, at) })));
        expectWithin(fit.lambda.value, at.lambda, 1e-6);
        expect(Math.abs(fit.sigma.value - at.sigma)).toBeLessThan(1e-6);
        expect(Math.abs(fit.kappa.value - at.kappa)).toBeLessThan(1e-7);
        expect(fit.rSquared).toBeGreaterThan(1 - 1e-9);
      }),
    );
  });

  test('no nearby law is closer to noisy points, bounds kept', () => {
    const noise = fc.array(fc.double({ min: -0.2, max: 0.2, noNaN: true }), { minLength: 8, maxLength: 8 });
    const squares = (points: readonly ScalePoint[], at: Parameters<typeof uslThroughput>[1]): number =>
      points.reduce((sum, { n, throughput }) => sum + (throughput - uslThroughput(n, at)) ** 2, 0);
    fc.assert(
      fc.property(law, noise, (at, shares) => {
        const points = [1, 2, 3, 5, 8, 13, 21, 34].map((n, index) => ({
          n,
          throughput: uslThroughput(n, at) * (1 + (shares[index] ?? 0)),
        }));
        const fit = fitUsl(points);
        const best = { lambda: fit.lambda.value, sigma: fit.sigma.value, kappa: fit.kappa.value };
        const least = squares(points, best);
        for (const name of ['lambda', 'sigma', 'kappa'] as const) {
          for (const step of [-1e-3, 1e-3]) {
            const value = Math.max(0, best[name] + step * Math.max(best[name], 1e-4));
            expect(squares(points, { ...best, [name]: value })).toBeGreaterThanOrEqual(least * (1 - 1e-9));
          }
        }
      }),
    );
  });
});

describe('refusals say why', () => {
  const line = (count: number) =>
    pointsOf(Array.from({ length: count }, (_, index) => [index + 1, index + 1] as const));

  test.each([
    [line(0), /at least 6 points, got 0/],
    [line(5), /at least 6 points, got 5: three coefficients would follow the noise/],
    [pointsOf([1, 2, 3, 1, 2, 3].map((n) => [n, n] as const)), /at least 4 different n, got 3/],
    [[...line(6), { n: 7, throughput: 0 }], /above 0, got 7 and 0/],
    [[...line(6), { n: -1, throughput: 3 }], /above 0, got -1 and 3/],
  ])('%#', (points, told) => {
    expect(refusalOf(points)).toMatch(told);
  });

  test('six points are enough', () => {
    expect(refusalOf(line(6))).toBeNull();
  });
});
