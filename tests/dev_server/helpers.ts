import {
  type DevServer,
  type DevServerOptions,
  type RunningServer,
  startDevServer,
} from "../../src/dev_server/server.ts";

/** How many tokens a service has from the start. */
export const FIRST_TOKENS = 4;

/** The moment at which a test's service believes to be, until the test moves it. */
export class Clock {
  #now = Date.parse("2030-01-01T00:00:00Z");
  readonly now = (): Date => new Date(this.#now);

  /** Moves on by so many seconds. */
  pass(seconds: number): void {
    this.#now += seconds * 1000;
  }
}

/** Runs a test against a service of its own and stops it afterwards. */
export async function withServer(
  test: (server: DevServer, clock: Clock) => Promise<void>,
  options: Partial<DevServerOptions> = {},
): Promise<void> {
  const clock = new Clock();
  const server = await startDevServer({
    hostname: "127.0.0.1",
    port: 0,
    now: clock.now,
    ...options,
  });
  try {
    await test(server, clock);
  } finally {
    await server.shutdown();
  }
}

/** An answer, read to its end. */
export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  // deno-lint-ignore no-explicit-any -- a test looks at whatever came
  json: any;
}

/** Sends a request and reads the answer to its end. */
export async function ask(
  server: RunningServer,
  path: string,
  init: RequestInit = {},
): Promise<Answer> {
  const response = await fetch(`${server.url}${path}`, init);
  const text = await response.text();
  const type = response.headers.get("content-type") ?? "";
  const isJson = text !== "" && /^application\/(problem\+)?json/.test(type);
  const json = isJson ? JSON.parse(text) : undefined;
  return { status: response.status, headers: response.headers, text, json };
}

/** Asks with a bearer token. */
export function askAs(
  server: RunningServer,
  token: string,
  path = "/v1/me",
  init: RequestInit = {},
): Promise<Answer> {
  const headers = { Authorization: `Bearer ${token}` };
  return ask(server, path, { headers, ...init });
}

/** Sends a JSON body to an admin route. */
export function send(
  server: RunningServer,
  method: string,
  path: string,
  body: unknown,
): Promise<Answer> {
  return ask(server, path, { method, body: JSON.stringify(body) });
}

/** Mints a token with these fields. */
export async function mint(
  server: RunningServer,
  fields: Record<string, unknown> = {},
): Promise<{ token: string; id: string }> {
  const { status, json, text } = await send(
    server,
    "POST",
    "/dev/tokens",
    fields,
  );
  if (status !== 201) throw new Error(`not minted: ${text}`);
  return json;
}

/** Sends bytes of its own making, for what `fetch` would not send; gives the status line. */
export async function askRaw(
  server: RunningServer,
  request: string,
): Promise<string> {
  const { hostname, port } = new URL(server.url);
  using connection = await Deno.connect({
    hostname: hostname.replace(/[[\]]/g, ""),
    port: Number(port),
  });
  await connection.write(new TextEncoder().encode(request));
  let text = "";
  for await (const chunk of connection.readable) {
    text += new TextDecoder().decode(chunk);
    if (text.includes("\r\n")) break;
  }
  return text.slice(0, text.indexOf("\r\n"));
}

/** Waits until a condition holds, however long that takes. */
export async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!await condition()) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Waits until a first request with the token of this id has come. */
export function seen(server: RunningServer, id: string): Promise<void> {
  return until(async () =>
    (await ask(server, `/dev/tokens/${id}`)).json.requests > 0
  );
}
