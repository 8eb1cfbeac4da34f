import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  type Answer,
  FakeContext,
  inTurn,
} from "../../support/fake_context.ts";
import {
  anyBytes,
  anyJson,
  anyText,
  binaryOf,
  bytesOf,
  editedJson,
  editedText,
  type JsonEdit,
  jsonEdits,
  type TextEdit,
  textEdits,
} from "../inputs.ts";
import { MARK, ranSafely } from "../properties.ts";
import { type Target, target } from "../target.ts";

const BASE = "https://api.example/base";
const TOKEN = `${MARK}0123-session`;
const GIVEN = `${MARK}_given_by_the_service`;

/** What would repaint a terminal, from a service that is otherwise well. */
const NAME = "a\u001b[2Jd\u009b1m\r\n\u202ea\u0007";

/** What each command gets from a service that is well, and the command. */
type Exchange = { args: string[]; bodies: unknown[] };

const EXTERNAL = ["external-auth", "access-token", "github"];

const EXCHANGES: Record<"nanoservices" | "coder", Exchange[]> = {
  nanoservices: [
    ...[
      ["whoami"],
      ["whoami", "--json"],
      ["login", "--token", TOKEN],
      ["status", "--check"],
    ]
      .map((args) => ({
        args,
        bodies: [{
          username: NAME,
          email: "ada@example.com",
          token: {
            id: "t",
            name: "n",
            expires_at: "2027-01-31T12:00:00Z",
            scopes: ["a"],
          },
        }],
      })),
    ...[[], ["--json"], ["--extra", "a.0.b"]].map((more) => ({
      args: [...EXTERNAL, ...more],
      bodies: [{
        access_token: GIVEN,
        token_type: "Bearer",
        expires_at: null,
        extra: { a: [{ b: "c" }], d: null },
      }],
    })),
    { args: EXTERNAL, bodies: [{ url: "https://github.example/login" }] },
    {
      args: ["external-auth", "list"],
      bodies: [{ providers: [{ id: "a", name: NAME, authenticated: true }] }],
    },
    {
      args: ["api", "/x", "-i"],
      bodies: [{
        type: "about:blank",
        title: "t",
        status: 403,
        detail: NAME,
        code: "insufficient_scope",
      }],
    },
  ],
  coder: [
    ...[["whoami"], ["whoami", "--json"], ["login", "--token", TOKEN]].map((
      args,
    ) => ({
      args,
      bodies: [
        { id: "1", username: NAME, email: "ada@example.com" },
        { id: "k", expires_at: "2027-01-31T12:00:00Z" },
      ],
    })),
    ...[[], ["--json"], ["--extra", "a.0.b"]].map((more) => ({
      args: [...EXTERNAL, ...more],
      bodies: [{
        access_token: GIVEN,
        token_extra: { a: [{ b: "c" }], d: null },
        url: "",
        type: "github",
        expires_at: "0001-01-01T00:00:00Z",
      }],
    })),
    { args: EXTERNAL, bodies: [{ url: "https://github.example/login" }] },
    {
      args: ["external-auth", "list", "--json"],
      bodies: [{
        providers: [{ id: "a", display_name: NAME }],
        links: [{ provider_id: "a", authenticated: true }],
      }],
    },
    {
      args: ["api", "/x", "--include"],
      bodies: [{ message: NAME, detail: NAME }],
    },
  ],
};

type Body =
  | { kind: "edited"; edits: JsonEdit[] }
  | { kind: "cut"; edits: TextEdit[] }
  | { kind: "json"; json: unknown }
  | { kind: "bytes"; bytes: string };

interface Reply {
  status: number;
  headers: [name: string, value: string][];
  body: Body;
}

type Input = { exchange: number; replies: Reply[] };

/** Where a redirect may lead; what is planted in it is not to be said. */
const location: fc.Arbitrary<string> = fc.oneof(
  anyText,
  fc.constantFrom(
    "/elsewhere",
    "https://elsewhere.example/x",
    "http://api.example/base/x",
    `https://ada:${MARK}@api.example/`,
    "javascript:alert(1)",
    "//",
  ),
);

const headers: fc.Arbitrary<[string, string][]> = fc.array(
  fc.oneof(
    fc.tuple(fc.constant("location"), location),
    fc.tuple(
      fc.constantFrom(
        "content-type",
        "retry-after",
        "content-length",
        "content-encoding",
        "set-cookie",
        "www-authenticate",
        "x-odd",
      ),
      fc.oneof(
        anyText,
        fc.constantFrom(
          "text/html",
          "application/problem+json",
          "0",
          "1",
          "9".repeat(400),
          "Wed, 21 Oct 2099 07:28:00 GMT",
          "Wed, 99 Xxx 0000 99:99:99 GMT",
        ),
      ),
    ),
  ),
  { maxLength: 3 },
);

const body: fc.Arbitrary<Body> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("edited" as const),
      edits: jsonEdits,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("cut" as const),
      edits: textEdits(120),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("json" as const), json: anyJson }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("bytes" as const),
      bytes: anyBytes,
    }),
  },
);

const status: fc.Arbitrary<number> = fc.oneof(
  { weight: 6, arbitrary: fc.constant(200) },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      201,
      204,
      302,
      307,
      400,
      401,
      403,
      404,
      407,
      409,
      429,
      500,
      503,
    ),
  },
  { weight: 1, arbitrary: fc.integer({ min: 200, max: 599 }) },
);

const inputs: fc.Arbitrary<Input> = fc.record({
  exchange: fc.nat(20),
  replies: fc.array(fc.record({ status, headers, body }), {
    minLength: 1,
    maxLength: 3,
  }),
});

/** What a service answers, whatever it is: a result or an error of ours; its words obey us, and the token stays with it. */
export const answers: Target[] = (["nanoservices", "coder"] as const)
  .map((service) =>
    target<Input>({
      name: `answers-${service}`,
      inputs,
      open: () =>
        Promise.resolve({
          check: async ({ exchange, replies }) => {
            const all = EXCHANGES[service];
            const { args, bodies } = all[exchange % all.length] ??
              { args: [], bodies: [] };
            const context = new FakeContext({
              env: { NANOSERVICES_TOKEN: TOKEN, NANOSERVICES_URL: BASE },
              answer: inTurn(
                ...replies.map((reply, index) =>
                  answerOf(reply, bodies[index % bodies.length])
                ),
              ),
            });
            const { stdout, exitCode } = await ranSafely(
              [...args, "--service", service, "--verbose"],
              context,
            );
            assertStays(context);
            assert(!stdout.includes(TOKEN), "the session's token on stdout");
            if (exitCode > 1 && args[0] === "external-auth") {
              assertEquals(stdout, "", "an error and yet data");
            }
          },
        }),
    })
  );

/** An answer as told; a header that can't be one is left out. */
export function answerOf(reply: Reply, good: unknown): Answer {
  return () => {
    const head = new Headers();
    for (const [name, value] of reply.headers) {
      try {
        // Two places to go to would be one list, and a password part of a path.
        if (name === "location") head.set(name, value);
        else head.append(name, value);
      } catch {
        // No server can send it either.
      }
    }
    const withoutBody = [204, 205, 304].includes(reply.status);
    return new Response(
      withoutBody ? null : bytesOf(bodyOf(reply.body, good)),
      {
        status: reply.status,
        headers: head,
      },
    );
  };
}

function bodyOf(body: Body, good: unknown): string {
  switch (body.kind) {
    case "edited":
      return binaryOf(editedJson(good, body.edits));
    case "cut":
      return binaryOf(editedText(JSON.stringify(good), body.edits));
    case "json":
      return binaryOf(JSON.stringify(body.json));
    case "bytes":
      return body.bytes;
  }
}

/** The token went to its own origin and to no other. */
function assertStays({ requests }: FakeContext): void {
  for (const { url, headers, body } of requests) {
    const said = [...headers].join() + (body ?? "") + url;
    if (!said.includes(MARK)) continue;
    assertEquals(new URL(url).origin, new URL(BASE).origin, "the token left");
  }
}

export { body, headers, type Reply, status };
