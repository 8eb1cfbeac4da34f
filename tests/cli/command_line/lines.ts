import fc from "fast-check";
import { optionsOf } from "../../../src/cli/command_line/parse.ts";
import {
  argumentCounts,
  longName,
  type OptionSpec,
} from "../../../src/cli/command_line/spec.ts";
import { COMMANDS } from "../../../src/cli/command_line/table.ts";

/** An option on a command line. */
export interface GivenOption {
  property: string;
  spec: OptionSpec;
  value: string | undefined;
  /** How it is spelled: alone, with `=`, by its letter, its letter joined with the value. */
  spelling: "long" | "equals" | "short" | "joined";
  /** Whether it stands before the command; only the options of every command do. */
  before: boolean;
}

/** A command line in parts. */
export interface Line {
  name: string;
  options: GivenOption[];
  args: string[];
  literal: string[] | undefined;
}

const VALUES = [
  ..."a b=c -1 -x --json --unknown 30 1e3 0x10 soon https://a.example -".split(
    " ",
  ),
  " ",
  "two words",
  "a\nb",
  "=",
  "é",
  "__proto__",
];
const value = fc.oneof(
  fc.constantFrom(...VALUES),
  fc.string({ minLength: 1, maxLength: 6 }),
).filter((text) =>
  // Refused by rules of our own, which other tests are for.
  text !== "--" && !/^--[a-z][a-z-]*=/.test(text)
);
const word = fc.constantFrom("a", "b", "/v1/me", "github", "", "-", "a=b");

/** Whether no option such as --no-color is repeated: that is for a rule of our own, too. */
function negatesOnce(options: GivenOption[]): boolean {
  const negations = options.map(({ property }) => property)
    .filter((property) => /^no[A-Z]/.test(property));
  return new Set(negations).size === negations.length;
}

/** Command lines of every command, valid or not, by the specs. */
export async function lines(): Promise<fc.Arbitrary<Line>> {
  const each = await Promise.all(
    Object.entries(COMMANDS).map(async ([name, { load }]) => {
      const command = await load();
      const option = fc.record({
        property: fc.constantFrom(...Object.keys(optionsOf(command))),
        value,
        spelling: fc.constantFrom(
          ...["long", "equals", "short", "joined"] as const,
        ),
        before: fc.boolean(),
      }).map(({ property, ...given }): GivenOption => {
        const spec = optionsOf(command)[property];
        if (!spec) throw new Error(property);
        return {
          ...given,
          property,
          spec,
          value: spec.kind === "flag" ? undefined : given.value,
        };
      });
      const { least, most } = argumentCounts(command);
      return fc.record<Line>({
        name: fc.constant(name),
        options: fc.array(option, { maxLength: 4 }).filter(negatesOnce),
        args: fc.oneof(
          {
            weight: 5,
            arbitrary: fc.array(word, { minLength: least, maxLength: most }),
          },
          { weight: 1, arbitrary: fc.array(word, { maxLength: 3 }) },
        ),
        literal: command.takesCommand
          ? fc.option(fc.array(value, { maxLength: 3 }), { nil: undefined })
          : fc.constant(undefined),
      });
    }),
  );
  return fc.oneof(...each);
}

/** The line as all versions of Cliffy take it: the command, its arguments, and options with their values apart. */
export function plain({ name, options, args, literal }: Line): string[] {
  return [
    ...name.split(" "),
    ...args,
    ...options.flatMap(({ property, value }) => [
      longName(property),
      ...value === undefined ? [] : [value],
    ]),
    ...literal === undefined ? [] : ["--", ...literal],
  ];
}

/** The same line, with each option spelled and placed as it says. */
export function spelled(
  { name, options, args, literal }: Line,
  early: readonly string[],
): string[] {
  const isEarly = ({ before, property }: GivenOption): boolean =>
    before && early.includes(property);
  return [
    ...options.filter(isEarly).flatMap(words),
    ...name.split(" "),
    ...options.filter((option) => !isEarly(option)).flatMap(words),
    ...args,
    ...literal === undefined ? [] : ["--", ...literal],
  ];
}

function words({ property, spec, value, spelling }: GivenOption): string[] {
  const long = longName(property);
  const short = spec.short === undefined ? undefined : `-${spec.short}`;
  if (value === undefined) return [spelling === "short" && short || long];
  if (spelling === "equals") return [`${long}=${value}`];
  if (short === undefined || spelling === "long") return [long, value];
  // A joined value loses one equals sign in front.
  return spelling === "short" || value.startsWith("=")
    ? [short, value]
    : [short + value];
}
