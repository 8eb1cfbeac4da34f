/**
 * `describe` and `it` over Deno.test, as `@std/testing/bdd` has them: its source
 * is not on npm, and node:test under Deno skips an outer beforeEach for the
 * tests of a nested describe.
 */

/** The body of a test. */
export type TestBody = (t: Deno.TestContext) => void | Promise<void>;
/** The body of a hook. */
export type Hook = () => void | Promise<void>;

/** Declares a test: now, never (`skip`, `ignore`), or alone (`only`). */
export interface It {
  (name: string, fn: TestBody): void;
  skip(name: string, fn: TestBody): void;
  ignore(name: string, fn: TestBody): void;
  only(name: string, fn: TestBody): void;
}

/** Declares a suite: now, never (`skip`, `ignore`), or alone (`only`). */
export interface Describe {
  (name: string, fn: () => void): void;
  skip(name: string, fn: () => void): void;
  ignore(name: string, fn: () => void): void;
  only(name: string, fn: () => void): void;
}

type Mode = "run" | "ignore" | "only";

interface Test {
  name: string;
  mode: Mode;
  fn: TestBody;
}

interface Suite {
  name: string;
  mode: Mode;
  parent?: Suite;
  children: (Suite | Test)[];
  beforeAll: Hook[];
  beforeEach: Hook[];
  afterEach: Hook[];
  afterAll: Hook[];
}

type HookName = "beforeAll" | "beforeEach" | "afterEach" | "afterAll";

/** The suite whose body is being run; hooks outside any suite are for the whole file. */
let current: Suite = suite("", "run");

function suite(name: string, mode: Mode, parent?: Suite): Suite {
  const hooks = { beforeAll: [], beforeEach: [], afterEach: [], afterAll: [] };
  return { name, mode, children: [], ...hooks, ...(parent ? { parent } : {}) };
}

function declareSuite(name: string, mode: Mode, fn: () => void): void {
  const parent = current;
  const declared = suite(name, mode, parent);
  current = declared;
  try {
    const returned: unknown = fn();
    if (returned instanceof Promise) {
      throw new TypeError(`describe("${name}"): an async body`);
    }
  } finally {
    current = parent;
  }
  if (parent.parent) parent.children.push(declared);
  else register(declared, parent, (t) => runSuite(declared, t));
}

function declareTest(name: string, mode: Mode, fn: TestBody): void {
  const test: Test = { name, mode, fn };
  const parent = current;
  if (parent.parent) parent.children.push(test);
  else register(test, parent, (t) => runTest(test, parent, t));
}

/** What stands at the top of a file is a test of Deno's; the rest are its steps. */
function register(
  { name, mode }: Suite | Test,
  file: Suite,
  fn: TestBody,
): void {
  if (file.children.length === 0) {
    Deno.test.beforeAll(() => runAll(file.beforeAll));
    Deno.test.afterAll(() => runAll(file.afterAll));
    file.children.push({ name, mode, fn });
  }
  Deno.test({ name, fn, ignore: mode === "ignore", only: mode === "only" });
}

async function runSuite(declared: Suite, t: Deno.TestContext): Promise<void> {
  const alone = declared.children.some((child) => child.mode === "only");
  try {
    await runAll(declared.beforeAll);
    for (const child of declared.children) {
      await t.step({
        name: child.name,
        ignore: child.mode === "ignore" || (alone && child.mode !== "only"),
        fn: (step) =>
          "children" in child
            ? runSuite(child, step)
            : runTest(child, declared, step),
      });
    }
  } finally {
    await runAll(declared.afterAll);
  }
}

async function runTest(
  test: Test,
  parent: Suite,
  t: Deno.TestContext,
): Promise<void> {
  const around = lineage(parent);
  try {
    for (const { beforeEach } of around) await runAll(beforeEach);
    await test.fn(t);
  } finally {
    for (const { afterEach } of around.reverse()) await runAll(afterEach);
  }
}

/** The suites around a test, the outermost first. */
function lineage(innermost: Suite): Suite[] {
  const suites: Suite[] = [];
  for (let at: Suite | undefined = innermost; at; at = at.parent) {
    suites.unshift(at);
  }
  return suites;
}

async function runAll(hooks: Hook[]): Promise<void> {
  for (const hook of hooks) await hook();
}

function hook(name: HookName): (fn: Hook) => void {
  return (fn) => {
    current[name].push(fn);
  };
}

/** Groups tests; suites nest. */
export const describe: Describe = Object.assign(
  (name: string, fn: () => void) => declareSuite(name, "run", fn),
  {
    skip: (name: string, fn: () => void) => declareSuite(name, "ignore", fn),
    ignore: (name: string, fn: () => void) => declareSuite(name, "ignore", fn),
    only: (name: string, fn: () => void) => declareSuite(name, "only", fn),
  },
);
/** One test. */
export const it: It = Object.assign(
  (name: string, fn: TestBody) => declareTest(name, "run", fn),
  {
    skip: (name: string, fn: TestBody) => declareTest(name, "ignore", fn),
    ignore: (name: string, fn: TestBody) => declareTest(name, "ignore", fn),
    only: (name: string, fn: TestBody) => declareTest(name, "only", fn),
  },
);
/** Runs once, before the first test of its suite. */
export const beforeAll: (fn: Hook) => void = hook("beforeAll");
/** Runs before every test of its suite and of the suites inside it, the outermost first. */
export const beforeEach: (fn: Hook) => void = hook("beforeEach");
/** Runs after every test of its suite and of the suites inside it, the innermost first. */
export const afterEach: (fn: Hook) => void = hook("afterEach");
/** Runs once, after the last test of its suite. */
export const afterAll: (fn: Hook) => void = hook("afterAll");
