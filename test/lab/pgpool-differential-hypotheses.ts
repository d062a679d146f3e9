/**
 * A model of something that may go one way or another: it asks `choose` at every race, and is otherwise deterministic.
 *
 * @returns which of `ways` ways it goes, from 0
 */
export type Choose = (ways: number) => number;

interface Hypothesis<Model> {
  model: Model;
  /** Every choice made so far, in order. */
  made: { way: number; ways: number }[];
}

/**
 * All courses that a system with races may have taken, as far as what was seen of it allows.
 *
 * Every operation is done to each course; a race met on the way splits it. An observation keeps the courses that agree
 * with it. Courses are made again from the beginning, so an operation must depend on the model alone.
 */
export class Hypotheses<Model> {
  readonly #create: (choose: Choose) => Model;
  readonly #history: ((model: Model) => void)[] = [];
  #courses: Hypothesis<Model>[];

  readonly #keyOf: (model: Model) => string;

  /** @param keyOf models at rest with the same key have the same future */
  constructor(create: (choose: Choose) => Model, keyOf: (model: Model) => string) {
    this.#create = create;
    this.#keyOf = keyOf;
    this.#courses = [this.#replay([])];
  }

  /** How many courses are open. */
  get size(): number {
    return this.#courses.length;
  }

  /** Does the same to every course. */
  act(operation: (model: Model) => void): void {
    this.#history.push(operation);
    const grown: Hypothesis<Model>[] = [];
    for (const course of this.#courses) {
      const before = course.made.length;
      operation(course.model);
      grown.push(course, ...this.#alternatives(course, before));
    }
    this.#courses = grown;
  }

  /** Of courses that have come to the same, all but one are forgotten; for models at rest. */
  merge(): void {
    this.#courses = [...new Map(this.#courses.map((course) => [this.#keyOf(course.model), course])).values()];
  }

  /** What the courses say, without doubles. */
  ask(question: (model: Model) => string): string[] {
    return [...new Set(this.#courses.map(({ model }) => question(model)))];
  }

  /** Keeps the courses of which `agrees` holds. @returns false, and keeps all, when it holds of none */
  keep(agrees: (model: Model) => boolean): boolean {
    const left = this.#courses.filter(({ model }) => agrees(model));
    if (left.length === 0) return false;
    this.#courses = left;
    return true;
  }

  /** The other ways at every race that `course` met after its first `from` choices. */
  #alternatives(course: Hypothesis<Model>, from: number): Hypothesis<Model>[] {
    const found: Hypothesis<Model>[] = [];
    for (let at = from; at < course.made.length; at += 1) {
      const { way = 0, ways = 1 } = course.made[at] ?? {};
      for (let other = way + 1; other < ways; other += 1) {
        const prefix = [...course.made.slice(0, at).map((choice) => choice.way), other];
        const alternative = this.#replay(prefix);
        found.push(alternative, ...this.#alternatives(alternative, prefix.length));
      }
    }
    return found;
  }

  #replay(prefix: readonly number[]): Hypothesis<Model> {
    const made: Hypothesis<Model>['made'] = [];
    const model = this.#create((ways) => {
      const way = prefix[made.length] ?? 0;
      made.push({ way, ways });
      return way;
    });
    for (const operation of this.#history) operation(model);
    return { model, made };
  }
}
