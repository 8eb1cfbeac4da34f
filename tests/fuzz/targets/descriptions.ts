import { assert } from "@std/assert";
import fc from "fast-check";
import { NanoctlError } from "../../../src/errors.ts";
import { parseDescription } from "../../../src/services/description/parse.ts";
import type { ServiceDescription } from "../../../src/services/description/schema.ts";
import { originsOf } from "../../../src/services/description/urls.ts";
import { writeServiceFile } from "../../../src/store/service_file_changes.ts";
import {
  FakeContext,
  inTurn,
  json,
  TemporaryHome,
} from "../../support/fake_context.ts";
import { GARDEN } from "../../support/garden.ts";
import {
  anyText,
  binaryOf,
  bytesOf,
  editedJson,
  type JsonEdit,
  jsonEdits,
} from "../inputs.ts";
import { MARK, ranSafely } from "../properties.ts";
import { target } from "../target.ts";
import { answerOf, body, headers, type Reply, status } from "./answers.ts";

const TOKEN = `${MARK}0123-key`;

/** Every way to send a token that a description has. */
const WHOLE: Record<string, unknown> = {
  ...GARDEN,
  url: "https://garden.example",
  api_of_url: "https://api.garden.example",
  account: [
    {
      base: "{url}/v1",
      path: "/me",
      invalid_on: [403],
      username: [{ field: "who.name" }, { header: "x-odd" }],
      email: [{ field: "who.mail" }],
    },
    {
      base: "https://keys.example",
      path: "/key/{token}",
      unknown_on: [401, 404],
      scopes: [{ field: "may" }],
      expires_at: [{ field: "ends", format: "unix" }],
    },
  ],
  revoke: {
    method: "POST",
    base: "{api}/x",
    path: "/revoke",
    json: { keys: ["{token}"] },
    anonymous: true,
  },
  device: {
    device_authorization_endpoint: "{url}/device",
    token_endpoint: "https://login.example/token",
  },
};

const GOOD = {
  who: { name: "ada", mail: "ada@example.com" },
  may: ["sow"],
  ends: 4_102_444_800,
};

/** Texts that could lead a token astray, each in the place of any other. */
const astray: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      "{url}.evil.example",
      "{url}@evil.example",
      "{url}:8443",
      "{url}/../..",
      "{url}//evil.example/x",
      "{api}",
      "{api}.evil.example",
      "https://evil.example",
      "https://evil.example:443",
      "https://evil.example:x",
      "https://garden.example@evil.example",
      "https://[::1",
      "https://xn--a",
      "http://127.0.0.1:99999",
      "/../x",
      "//evil.example",
      "/\\evil.example",
      "/{token}/{token}",
      "@evil.example",
      "host",
      "authorization",
      "a\r\nhost: evil.example",
      "__proto__",
      "constructor.name",
      "rfc3339",
      "http",
      "seconds",
      "ratelimit",
      "$&$'$`",
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(
      fc.constantFrom("{url}", "{api}", "https://evil.example", "", "/"),
      fc.stringMatching(/^[\\/:@.?#a-z0-9%[\]{}~-]{0,12}$/),
    ).map(([start, end]) => start + end),
  },
  { weight: 1, arbitrary: anyText },
);

/** Where a description says where a token goes. */
const LEADING = [
  "url",
  "api",
  "api_of_url",
  "account.0.base",
  "account.0.path",
  "account.1.base",
  "account.1.path",
  "revoke.base",
  "revoke.path",
  "present.0.header",
  "present.0.value",
  "headers.x-garden-version",
  "account.0.username.0.field",
  "account.1.expires_at.0.format",
  "device.token_endpoint",
] as const;

interface Lead {
  at: typeof LEADING[number];
  text: string;
}

const leads: fc.Arbitrary<Lead[]> = fc.array(
  fc.record({ at: fc.constantFrom(...LEADING), text: astray }),
  { maxLength: 2 },
);

type Input = {
  leads: Lead[];
  edits: JsonEdit[];
  url: string;
  command: number;
  replies: Reply[];
};

/** Command lines, one after the other; the last one gets the odd answers. */
const COMMANDS: string[][][] = [
  [["whoami"]],
  [["whoami", "--json"]],
  [["api", "/x"]],
  [["login", "--save"]],
  [["login", "--save"], ["logout", "--revoke"]],
  [["service", "test", "{name}"]],
];

const inputs: fc.Arbitrary<Input> = fc.record({
  leads,
  edits: fc.oneof(
    { weight: 3, arbitrary: fc.constant<JsonEdit[]>([]) },
    { weight: 1, arbitrary: jsonEdits },
  ),
  url: fc.constantFrom(
    "https://garden.example",
    "https://other.example",
    "https://other.example/a$&b",
    "https://other.example:8443",
    "http://127.0.0.1:8080",
  ),
  command: fc.nat(COMMANDS.length - 1),
  replies: fc.array(fc.record({ status, headers, body }), {
    minLength: 1,
    maxLength: 3,
  }),
});

/** Whatever a description says that is one, and whatever its service answers: a token goes to the origins that are named, and to no other. */
export const descriptions = target<Input>({
  name: "descriptions",
  inputs,
  open: () => Promise.resolve({ check }),
});

async function check(
  { leads, edits, url, command, replies }: Input,
): Promise<void> {
  const text = bytesOf(binaryOf(editedJson(led(leads), edits)));
  const description = read(text);
  if (!description) return;
  const { name } = description;
  await using home = await TemporaryHome.make();
  const env = {
    ...home.env,
    NANOSERVICES_TOKEN: TOKEN,
    NANOSERVICES_URL: url,
  };
  await writeServiceFile(new FakeContext({ env }), name, text);
  const named = new Set([new URL(url).origin, ...originsOf(description)]);
  const good = json(GOOD);
  const odd = inTurn(...replies.map((reply) => answerOf(reply, GOOD)));
  const lines = COMMANDS[command] ?? [];
  for (const [index, line] of lines.entries()) {
    const isLast = index === lines.length - 1;
    const context = new FakeContext({ env, answer: isLast ? odd : good });
    const words = line.map((word) => word.replace("{name}", name));
    await ranSafely([...words, "--service", name, "--verbose"], context);
    assertStays(context, named);
  }
}

/** The whole description with these texts in it. */
function led(leads: Lead[]): unknown {
  const whole: unknown = structuredClone(WHOLE);
  for (const { at, text } of leads) {
    const names = at.split(".");
    const last = names.pop() ?? "";
    const holder = names.reduce<unknown>(
      (value, name) => (value as Record<string, unknown>)[name],
      whole,
    );
    (holder as Record<string, unknown>)[last] = text;
  }
  return whole;
}

/** Undefined for what is no description, or has the name of a built-in one; no other error may be thrown. */
function read(bytes: Uint8Array<ArrayBuffer>): ServiceDescription | undefined {
  try {
    const description = parseDescription(bytes, "the fuzzer's");
    return description.name === GARDEN.name ? description : undefined;
  } catch (error) {
    if (error instanceof NanoctlError) return undefined;
    throw error;
  }
}

/** A request that holds the token in any way went to an origin that is named. */
function assertStays({ requests }: FakeContext, named: Set<string>): void {
  for (const { url, headers, body } of requests) {
    const said = [...headers].join() + (body ?? "") + url;
    if (!said.includes(MARK)) continue;
    const { origin } = new URL(url);
    assert(named.has(origin), `the token went to ${origin}`);
  }
}
