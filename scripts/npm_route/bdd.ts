/**
 * `describe` and `it` on top of Deno.test, like `@std/testing/bdd`, whose source
 * is not on npm; node:test under Deno skips an outer beforeEach for the tests of a
 * nested describe. Errors and the order of hooks match `@std/testing/bdd` 1.0.20,
 * but only the call forms that the types below allow are supported.
 */

/** The body of a test. */
export type TestBody = (t: Deno.TestContext) => void | Promise<void>;
/** The body of a hook. */
export type Hook = () => void | Promise<void>;

/** Declares a test: normal, skipped (`skip`, `ignore`), or exclusive (`only`). */
export interface It {
  (name: string, fn: TestBody): void;
  skip(name: string, fn: TestBody): void;
  ignore(name: string, fn: TestBody): void;
  only(name: string, fn: TestBody): void;
}

/** Declares a suite: normal, skipped (`skip`, `ignore`), or exclusive (`only`). */
export interface Describe {
  (name: string, fn: () => undefined | void): void;
  skip(name: string, fn: () => undefined | void): void;
  ignore(name: string, fn: () => undefined | void): void;
  only(name: string, fn: () => undefined | void): void;
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
  parent: Suite | undefined;
  children: (Suite | Test)[];
  /** Whether it contains anything marked `only`. */
  hasOnly: boolean;
  hooks: Record<HookName, Hook[]>;
}

type HookName = "beforeAll" | "beforeEach" | "afterEach" | "afterAll";

/** The name of the implicit suite for the rest of a file after hooks outside any suite. */
const FILE = "global";

/** The suite whose body is running, or else the whole file's. */
let current: Suite | undefined;
/** Whether a test or suite was declared: hooks for the whole file must come before. */
let hasDeclared = false;
/** How many of Deno's tests are running: nothing can be declared meanwhile. */
let running = 0;
/** The suites around the running test, outermost first. */
const around: Suite[] = [];

function suite(name: string, mode: Mode): Suite {
  const hooks = { beforeAll: [], beforeEach: [], afterEach: [], afterAll: [] };
  return {
    name,
    mode,
    parent: current,
    children: [],
    hasOnly: false,
    hooks,
  };
}

function declareSuite(name: string, mode: Mode, fn: () => unknown): void {
  checkDeclarable("test suites", name, fn);
  // Even inside another suite it becomes a Deno test, and its body does not run.
  if (mode === "ignore") return register(name, mode, () => {});
  const declared = suite(name, mode);
  current = declared;
  try {
    if (fn() instanceof Promise) {
      throw new Error(
        `describe("${name}") returns a promise: declare its tests synchronously`,
      );
    }
  } finally {
    current = declared.parent;
  }
  if (declared.parent) return add(declared.parent, declared);
  const isAlone = mode === "only" || declared.hasOnly;
  register(name, isAlone ? "only" : mode, (t) => runSuite(declared, t));
}

function declareTest(name: string, mode: Mode, fn: TestBody): void {
  checkDeclarable("test cases", name, fn);
  if (current) add(current, { name, mode, fn });
  else register(name, mode, fn);
}

function checkDeclarable(what: string, name: unknown, fn: unknown): void {
  if (running > 0) {
    throw new Error(
      `Cannot register new ${what} after a test has begun to run`,
    );
  }
  if (typeof name !== "string" || typeof fn !== "function") {
    throw new TypeError("this takes a name and a function, and nothing else");
  }
  hasDeclared = true;
}

/** Adds a child. If any sibling is marked `only`, those that aren't are dropped. */
function add(parent: Suite, child: Suite | Test): void {
  const isAlone = child.mode === "only" || isSuite(child) && child.hasOnly;
  if (isAlone) markOnly(parent);
  if (parent.hasOnly && !isSuite(child) && !isAlone) return;
  parent.children.push(child);
}

function markOnly(parent: Suite): void {
  if (!parent.hasOnly) {
    parent.children = parent.children
      .filter((child) => isSuite(child) || child.mode === "only");
    parent.hasOnly = true;
  }
  if (parent.parent) markOnly(parent.parent);
}

function isSuite(child: Suite | Test): child is Suite {
  return "children" in child;
}

/** Top-level suites and tests become Deno tests; everything inside becomes steps. */
function register(name: string, mode: Mode, fn: TestBody): void {
  Deno.test({
    name,
    ignore: mode === "ignore",
    only: mode === "only",
    fn: async (t) => {
      running++;
      try {
        await fn(t);
      } finally {
        running--;
      }
    },
  });
}

/** If a beforeAll fails, skips the tests and the afterAlls. */
async function runSuite(declared: Suite, t: Deno.TestContext): Promise<void> {
  await runAll(declared.hooks.beforeAll);
  around.push(declared);
  try {
    const hasOnly = declared.hasOnly || declared.mode === "only";
    for (const child of declared.children) {
      const isLeftOut = hasOnly && isSuite(child) && !child.hasOnly &&
        child.mode !== "only";
      if (isLeftOut) continue;
      await t.step({
        name: child.name,
        ignore: child.mode === "ignore",
        fn: (step) =>
          isSuite(child) ? runSuite(child, step) : runTest(child, step),
      });
    }
  } finally {
    around.pop();
    await runAll(declared.hooks.afterAll);
  }
}

/** If a suite's beforeEach fails, skips its afterEach and everything inside. */
async function runTest(
  test: Test,
  t: Deno.TestContext,
  depth = 0,
): Promise<void> {
  const outer = around[depth];
  if (!outer) return await test.fn(t);
  await runAll(outer.hooks.beforeEach);
  try {
    await runTest(test, t, depth + 1);
  } finally {
    await runAll(outer.hooks.afterEach);
  }
}

async function runAll(hooks: Hook[]): Promise<void> {
  for (const hook of hooks) await hook();
}

function hook(name: HookName): (fn: Hook) => void {
  return (fn) => {
    if (typeof fn !== "function") {
      throw new TypeError(`${name} takes a function`);
    }
    current ??= fileSuite();
    current.hooks[name].push(fn);
  };
}

/** Everything after a top-level hook belongs to one suite, which becomes a Deno test. */
function fileSuite(): Suite {
  if (hasDeclared) {
    throw new Error(
      "Cannot add global hooks after a global test is registered",
    );
  }
  const file = suite(FILE, "run");
  register(FILE, "run", (t) => runSuite(file, t));
  return file;
}

/** Groups tests; suites nest. */
export const describe: Describe = Object.assign(
  (name: string, fn: () => undefined | void) => declareSuite(name, "run", fn),
  {
    skip: (name: string, fn: () => undefined | void) =>
      declareSuite(name, "ignore", fn),
    ignore: (name: string, fn: () => undefined | void) =>
      declareSuite(name, "ignore", fn),
    only: (name: string, fn: () => undefined | void) =>
      declareSuite(name, "only", fn),
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
/** Runs before every test of its suite and nested suites, outermost first. */
export const beforeEach: (fn: Hook) => void = hook("beforeEach");
/** Runs after every test of its suite and nested suites, innermost first. */
export const afterEach: (fn: Hook) => void = hook("afterEach");
/** Runs once, after the last test of its suite. */
export const afterAll: (fn: Hook) => void = hook("afterAll");
