import type { Context } from "hono";
import { Hono } from "hono/tiny";
import { limitedBody } from "./admin_body.ts";
import type { Connection, Provider } from "./external_auth.ts";
import { FormTokens } from "./form_tokens.ts";
import { type DevEnv, onlyMethods, ownOrigin } from "./guards.ts";
import { type Html, markup, page } from "./page.ts";
import type { DevState } from "./state.ts";

const PATH = "/external-auth/:id";

/** The page where a user connects or disconnects their account with an external provider. */
export function consentRoutes(state: DevState): Hono<DevEnv> {
  const app = new Hono<DevEnv>();
  const { externalAuth } = state;
  const formTokens = new FormTokens(state.now);
  const show = (c: Context, provider: Provider, fault?: string) => {
    const connection = externalAuth.connectionOf(provider);
    const formToken = formTokens.issue(provider.id);
    const alert = fault === undefined
      ? ""
      : markup`<p role="alert"><strong>${fault}</strong></p>`;
    const { name } = provider;
    const title = connection ? `${name} is connected` : `Connect ${name}`;
    const body = connection
      ? connected(provider, connection, formToken)
      : request(provider, ownOrigin(c), formToken);
    const status = fault === undefined ? 200 : 403;
    return page(c, title, markup`${alert}${body}`, status);
  };
  app.get(PATH, (c) => {
    const provider = externalAuth.byId(c.req.param("id"));
    return provider ? show(c, provider) : noProvider(c);
  });
  app.post(PATH, limitedBody, async (c) => {
    const provider = externalAuth.byId(c.req.param("id"));
    if (provider === undefined) return noProvider(c);
    const sent = new URLSearchParams(await c.req.text());
    const choice = sent.get("choice");
    if (!formTokens.redeem(sent.get("form_token") ?? "", provider.id)) {
      return show(c, provider, "This form was used or is too old. Try again.");
    }
    if (choice === "connect") externalAuth.connect(provider);
    if (choice === "disconnect") externalAuth.disconnect(provider);
    // So that a reload doesn't post again.
    return c.redirect(pathOf(provider), 303);
  });
  onlyMethods(app, PATH, "GET", "HEAD", "POST");
  return app;
}

function pathOf({ id }: Provider): string {
  return `/external-auth/${encodeURIComponent(id)}`;
}

function request(
  provider: Provider,
  origin: string,
  formToken: string,
): Html {
  const { id, name } = provider;
  return markup`<p>A program asks for an access token of your account at <strong>${name}</strong>.</p>
<dl>
<dt>Who asks</dt>
<dd>whoever is signed in to the service at <code>${origin}</code>, a person or a
workspace agent, with <code>nanoctl external-auth access-token ${id}</code> or the like</dd>
<dt>What for</dt>
<dd>to act at ${name} in your name, until you disconnect it here</dd>
</dl>
<p>This is a service for demos and tests: it makes the token up, and no account
of yours at ${name} is touched.</p>
${form(provider, formToken, "connect", `Connect ${name}`)}`;
}

function connected(
  provider: Provider,
  { expiresAt }: Connection,
  formToken: string,
): Html {
  const { id, name } = provider;
  const ends = expiresAt === null
    ? "until you disconnect it"
    : until(expiresAt);
  return markup`<p role="status">Whoever is signed in to this service gets an access token for
<strong>${name}</strong>, ${ends}.</p>
<h2>To try next</h2>
<p>You can close this page and run the command again:</p>
<pre tabindex="0"><code>nanoctl external-auth access-token ${id}</code></pre>
<h2>Take it back</h2>
${form(provider, formToken, "disconnect", `Disconnect ${name}`)}`;
}

/** Such as `until 2026-11-22 12:09 UTC`. */
function until(date: Date): Html {
  const text = date.toISOString();
  const minute = text.slice(0, 16).replace("T", " ");
  return markup`until <time datetime="${text}">${minute} UTC</time>`;
}

function form(
  provider: Provider,
  formToken: string,
  choice: "connect" | "disconnect",
  label: string,
): Html {
  return markup`<form method="post" action="${pathOf(provider)}">
<input type="hidden" name="form_token" value="${formToken}">
<button name="choice" value="${choice}">${label}</button>
</form>`;
}

function noProvider(c: Context): Promise<Response> {
  const body =
    markup`<p>This service knows no external provider of this name. Look at the
address, or at <a href="/">what there is</a>.</p>`;
  return page(c, "There is no such provider", body, 404);
}
