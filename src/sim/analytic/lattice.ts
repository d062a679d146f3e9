/** The population vectors 0…N_r of every class, numbered so that the last class counts fastest. */
export class Lattice {
  readonly size: number;
  readonly #populations: readonly number[];
  readonly #strides: number[];

  constructor(populations: readonly number[]) {
    this.#populations = populations;
    this.#strides = populations.map(() => 1);
    for (let r = populations.length - 2; r >= 0; r -= 1) {
      this.#strides[r] = (this.#strides[r + 1] as number) * ((populations[r + 1] as number) + 1);
    }
    this.size = (this.#strides[0] ?? 1) * ((populations[0] ?? 0) + 1);
  }

  /** What the number of a vector changes by when class `r` has one job more. */
  stride(r: number): number {
    return this.#strides[r] as number;
  }

  /** Visits every vector after all that are smaller in one class; the array is one and the same. */
  each(visit: (jobs: readonly number[], index: number) => void): void {
    const jobs = this.#populations.map(() => 0);
    for (let index = 0; index < this.size; index += 1) {
      visit(jobs, index);
      for (let r = jobs.length - 1; r >= 0; r -= 1) {
        if ((jobs[r] as number) < (this.#populations[r] as number)) {
          jobs[r] = (jobs[r] as number) + 1;
          break;
        }
        jobs[r] = 0;
      }
    }
  }
}
