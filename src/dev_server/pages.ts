import type { Context } from "hono";
import { Hono } from "hono/tiny";
import { limitedBody } from "./admin_body.ts";
import { type DevEnv, onlyMethods, ownOrigin } from "./guards.ts";
import { type Html, markup, page } from "./page.ts";
import type { DevState } from "./state.ts";

const DAY = 24 * 60 * 60;
/** The form's expiry choices: value, label, seconds. */
const EXPIRIES: readonly [string, string, number | null][] = [
  ["1h", "1 hour", 60 * 60],
  ["1d", "1 day", DAY],
  ["30d", "30 days", 30 * DAY],
  ["90d", "90 days", 90 * DAY],
  ["never", "never", null],
];

const TOKEN_PAGE = "/settings/tokens";

/** The pages for people: the home page, and `/settings/tokens`, which creates tokens. */
export function pageRoutes(state: DevState): Hono<DevEnv> {
  const app = new Hono<DevEnv>();
  app.get(
    "/",
    (c) => page(c, "nanoctl dev-server", about(state, ownOrigin(c))),
  );
  onlyMethods(app, "/", "GET", "HEAD");
  app.route("/", tokenPageRoutes(state, TOKEN_PAGE));
  return app;
}

/**
 * The page at this path, which creates tokens.
 *
 * @param login The command that it says to try next, without the URL.
 */
export function tokenPageRoutes(
  state: DevState,
  path: string,
  login = "nanoctl login",
): Hono<DevEnv> {
  const app = new Hono<DevEnv>();
  const ask = (c: Context, name?: string, fault?: string): Promise<Response> =>
    page(c, "Make a token", form(state, path, name, fault), fault ? 400 : 200);
  app.get(path, (c) => ask(c));
  app.post(path, limitedBody, async (c) => {
    const sent = new URLSearchParams(await c.req.text());
    const name = (sent.get("name") ?? "").trim();
    const chosen = EXPIRIES.find(([value]) => value === sent.get("expiry"));
    const refuse = (fault: string): Promise<Response> => ask(c, name, fault);
    if (name === "" || name.length > 256) {
      return refuse("The name must have 1 to 256 characters.");
    }
    if (chosen === undefined) return refuse("Choose an expiry of the list.");
    const seconds = chosen[2];
    const expiresAt = seconds === null ? null : state.fromNow(seconds);
    const { secret, token } = await state.mint({ name, expiresAt });
    const ends = token.expiresAt?.toISOString() ?? "never";
    const next = `${login} --url ${ownOrigin(c)}`;
    const body = made(secret.reveal(), name, ends, next, path);
    return page(c, "Your new token", body, 201);
  });
  onlyMethods(app, path, "GET", "HEAD", "POST");
  return app;
}

function about(state: DevState, origin: string): Html {
  const providers = state.externalAuth.providers().map(({ id, name }) =>
    markup`<li><a href="/external-auth/${id}">${name}</a></li>
`
  );
  return markup`<p>This is the service that <code>nanoctl dev-server</code> runs on this machine, for
demos, tests and rehearsals. It keeps everything in memory and forgets it when it stops.</p>
<ul>
<li><a href="${TOKEN_PAGE}">Make a token</a></li>
<li><a href="/device">Approve a login</a> with the code that a device shows</li>
<li><code>GET /v1/me</code> and <code>POST /v1/logout</code> take one as <code>Authorization: Bearer</code></li>
<li><code>POST /dev/tokens</code> makes one with a user, expiry, scopes and state of your choice</li>
</ul>
<h2>External providers</h2>
<ul>
${providers}</ul>
<h2>To try next</h2>
<pre><code>nanoctl login --url ${origin}</code></pre>`;
}

function form(
  state: DevState,
  path: string,
  name?: string,
  fault?: string,
): Html {
  const options = EXPIRIES.map(([value, label]) =>
    markup`<option value="${value}" ${
      value === "30d" ? "selected" : ""
    }>${label}</option>
`
  );
  const alert = fault === undefined
    ? ""
    : markup`<p id="fault" role="alert"><strong>${fault}</strong></p>`;
  return markup`<p>The token will be one of ${state.firstUser.username}
(${state.firstUser.email}). It is shown once.</p>
${alert}
<form method="post" action="${path}">
<label for="name">Name</label>
<input id="name" name="name" value="${
    name ?? ""
  }" required maxlength="256" autocomplete="off" ${
    fault === undefined ? "" : markup`aria-describedby="fault"`
  }>
<label for="expiry">Expires after</label>
<select id="expiry" name="expiry">
${options}</select>
<div><button>Make the token</button></div>
</form>`;
}

function made(
  token: string,
  name: string,
  ends: string,
  next: string,
  path: string,
): Html {
  return markup`<p>Copy the token <strong>${name}</strong> now: it will not be shown again.</p>
<pre><code>${token}</code></pre>
<p>Expires: ${ends}</p>
<h2>To try next</h2>
<p>Paste it where this asks for it:</p>
<pre><code>${next}
nanoctl whoami</code></pre>
<p><a href="${path}">Make another token</a></p>`;
}
