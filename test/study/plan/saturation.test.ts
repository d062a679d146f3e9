import { expect, test } from 'vitest';
import { saturationOf } from '../../../src/study/plan/saturation.ts';
import { normalState } from '../../../src/study/plan/states.ts';
import { capacityCluster, demandOf } from './clusters.ts';

// Goal: what a state carries with every session busy. Method: bounds by hand.

const guide = capacityCluster();

test('many sessions reach the bound of the busiest processor, one session that of its own cycle', () => {
  const reads = { ...demandOf(1000, 0, 2000) };
  const { operationsPerSecond, method } = saturationOf(guide, normalState(guide), reads);
  expect(method).toBe('exact convolution');
  expect(operationsPerSecond / ((2 * 2000) / 0.3)).toBeGreaterThan(0.98);
  expect(operationsPerSecond).toBeLessThanOrEqual((2 * 2000) / 0.3);
  const one = saturationOf(guide, normalState(guide), demandOf(1000, 0, 1));
  expect(one.operationsPerSecond).toBeCloseTo(1000 / (0.3 + 0.05 + 2 * 0.05), 3);
});

test('writes are bound by the one primary', () => {
  const { operationsPerSecond } = saturationOf(guide, normalState(guide), demandOf(0, 100, 2000));
  expect(operationsPerSecond / (2000 / 3.7)).toBeCloseTo(1, 2);
});

test('with every session busy nobody rests for long', () => {
  const resting = capacityCluster(({ serviceTimes }) => {
    serviceTimes.wake = { mean: 0.3, variation: 0.5, distribution: 'lognormal', source: 'test' };
    serviceTimes.wakeAfter = { mean: 50, variation: 0, distribution: 'lognormal', source: 'test' };
  });
  const reads = demandOf(1000, 0, 2000);
  const { operationsPerSecond } = saturationOf(resting, normalState(resting), reads);
  const wakeMs = 0.3 * (1 - Math.exp(-(2 * 0.05 + 0.05) / 50));
  expect(operationsPerSecond / ((2 * 2000) / (0.3 + wakeMs))).toBeCloseTo(1, 1);
  expect(operationsPerSecond).toBeGreaterThan(0.97 * ((2 * 2000) / 0.3));
});

test('very many sessions are approximated, and it says so', () => {
  const many = saturationOf(guide, normalState(guide), demandOf(1000, 0, 5000));
  expect(many.method).toBe('approximate MVA (Schweitzer)');
});
