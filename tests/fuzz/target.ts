import fc from "fast-check";

/** How long a target goes on, and with which numbers. */
export interface Limits {
  /** The same seed gives the same cases in the same order. */
  seed: number;
  /** The most cases; as many as the time allows where it is left out. */
  cases?: number;
  /** The most time, in milliseconds; as long as the cases take where it is left out. */
  milliseconds?: number;
  /** Told of each case before it is tried. */
  onCase?: (input: unknown) => void;
}

/** What came of it. */
export interface Report {
  target: string;
  cases: number;
  /** The smallest input that was found to break a property, and how; undefined where none did. */
  failure: string | undefined;
}

/** A part of the program and the inputs that it is tried with. */
export interface Target {
  readonly name: string;
  run(limits: Limits): Promise<Report>;
}

/** How the inputs of a target are made and judged. An input is what JSON can hold. */
export interface Definition<T> {
  name: string;
  inputs: fc.Arbitrary<T>;
  /** Makes what the cases need; what it gives is disposed of in the end. */
  open(): Promise<Opened<T>>;
}

/** A target that is ready to be tried. */
export interface Opened<T> {
  /** Throws when a property does not hold. */
  check(input: T): void | Promise<void>;
  close?(): void | Promise<void>;
}

/** How long one case may take, in milliseconds: far more than any needs, and less than a person would wait. */
const CASE_LIMIT = 10_000;

/** Makes a target; the inputs of its corpus come first. */
export function target<T>(definition: Definition<T>): Target {
  const { name, inputs } = definition;
  return {
    name,
    run: async ({ seed, cases: most, milliseconds, onCase }) => {
      const opened = await definition.open();
      let cases = 0;
      const property = fc.asyncProperty(inputs, async (input) => {
        cases++;
        onCase?.(input);
        await inTime(async () => await opened.check(input));
      });
      try {
        const details = await fc.check(property, {
          seed,
          examples: (await corpus(name)).map((input) => [input as T]),
          numRuns: most ?? 2 ** 31 - 1,
          ...milliseconds === undefined
            ? {}
            : { interruptAfterTimeLimit: milliseconds },
        });
        return { target: name, cases, failure: failureOf(details) };
      } finally {
        await opened.close?.();
      }
    },
  };
}

function failureOf<T>(
  { failed, counterexample, errorInstance }: fc.RunDetails<[T]>,
): string | undefined {
  // Out of time without a counterexample: that is how a run is to end.
  if (!failed || counterexample === null) return undefined;
  const text = errorInstance instanceof Error
    ? errorInstance.stack ?? errorInstance.message
    : String(errorInstance);
  return `${JSON.stringify(counterexample[0])}\n${text}`;
}

/** Throws when the work takes longer than a case may. */
async function inTime(work: () => Promise<void>): Promise<void> {
  const started = performance.now();
  const late = Promise.withResolvers<never>();
  const hangs = (): Error => new Error(`takes longer than ${CASE_LIMIT} ms`);
  const timer = setTimeout(() => late.reject(hangs()), CASE_LIMIT);
  try {
    await Promise.race([work(), late.promise]);
  } finally {
    clearTimeout(timer);
  }
  // What never gives way to the timer.
  if (performance.now() - started > CASE_LIMIT) throw hangs();
}

/** The inputs that once broke something or nearly did: one a line, as JSON, with comments behind `#`. */
async function corpus(name: string): Promise<unknown[]> {
  const path = new URL(`corpus/${name}.txt`, import.meta.url);
  const text = await Deno.readTextFile(path).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  });
  return text.split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => JSON.parse(line) as unknown);
}
