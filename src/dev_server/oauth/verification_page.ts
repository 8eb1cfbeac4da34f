import type { Context } from "hono";
import { Hono } from "hono/tiny";
import { limitedBody } from "../admin_body.ts";
import { FormTokens } from "../form_tokens.ts";
import { type DevEnv, onlyMethods } from "../guards.ts";
import { type Html, markup, page } from "../page.ts";
import type { DevState, User } from "../state.ts";
import { CodeGuesses } from "./code_guesses.ts";
import type { DeviceLogin } from "./device_codes.ts";
import type { OAuthState } from "./oauth_state.ts";

/** Where a person enters the code of a device (RFC 8628, section 3.3). */
export const VERIFICATION_PATH = "/device";

/** The page at this path, where a person approves or denies a device login (RFC 8628, section 3.3). */
export function verificationRoutes(
  state: DevState,
  { devices }: OAuthState,
  path = VERIFICATION_PATH,
): Hono<DevEnv> {
  const app = new Hono<DevEnv>();
  const formTokens = new FormTokens(state.now);
  const guesses = new CodeGuesses(state.now);

  /** The login that is to be decided, or the page that says why there is none. */
  const findOpen = async (
    c: Context,
    code: string,
  ): Promise<DeviceLogin | Response> => {
    const wait = guesses.wait();
    if (wait > 0) {
      c.header("Retry-After", `${wait}`);
      return await refuse(c, path, 429, code, TOO_MANY);
    }
    const login = devices.byUserCode(code);
    if (login === undefined) {
      guesses.count();
      return await refuse(c, path, 404, code, WRONG);
    }
    if (devices.isOpen(login)) return login;
    return await refuse(
      c,
      path,
      400,
      code,
      login.decision === "none" ? EXPIRED : USED,
    );
  };
  const ask = (
    c: Context,
    login: DeviceLogin,
    fault?: { status: 400 | 403; text: string },
  ): Promise<Response> => {
    const formToken = formTokens.issue(login.userCode);
    const body = question(login, state.firstUser, formToken, path);
    return page(
      c,
      "Approve this login?",
      markup`${alert(fault?.text)}${body}`,
      fault?.status,
    );
  };

  app.get(path, async (c) => {
    const code = c.req.query("user_code") ?? "";
    if (code.trim() === "") return await page(c, TITLE, codeForm(path));
    const login = await findOpen(c, code);
    return login instanceof Response ? login : await ask(c, login);
  });
  app.post(path, limitedBody, async (c) => {
    const sent = new URLSearchParams(await c.req.text());
    const login = await findOpen(c, sent.get("user_code") ?? "");
    if (login instanceof Response) return login;
    if (!formTokens.redeem(sent.get("form_token") ?? "", login.userCode)) {
      const text = "This form was used or is too old. Try again.";
      return await ask(c, login, { status: 403, text });
    }
    const choice = sent.get("choice");
    if (choice !== "approve" && choice !== "deny") {
      const text = "Choose to approve or to deny it.";
      return await ask(c, login, { status: 400, text });
    }
    login.decision = choice;
    return await decided(c, choice);
  });
  onlyMethods(app, path, "GET", "HEAD", "POST");
  return app;
}

const TITLE = "Sign in a device";
const WRONG =
  "There is no login with this code. Compare it with the code on your device.";
const USED = "This code was used. Start the login on your device again.";
const EXPIRED = "This code has expired. Start the login on your device again.";
const TOO_MANY = "There were too many wrong codes. Wait a minute.";

async function refuse(
  c: Context,
  path: string,
  status: 400 | 404 | 429,
  code: string,
  fault: string,
): Promise<Response> {
  return await page(c, TITLE, codeForm(path, code, fault), status);
}

function alert(fault: string | undefined): Html | "" {
  return fault === undefined
    ? ""
    : markup`<p id="fault" role="alert"><strong>${fault}</strong></p>`;
}

/** The form for the code. It changes nothing, so it is sent with GET, and needs no form token. */
function codeForm(path: string, code?: string, fault?: string): Html {
  return markup`<p>Enter the code that your device shows.</p>
${alert(fault)}
<form method="get" action="${path}">
<label for="user_code">Code</label>
<input id="user_code" name="user_code" value="${
    code ?? ""
  }" required maxlength="64" autocomplete="off" autocapitalize="characters" spellcheck="false" ${
    fault === undefined ? "" : markup`aria-describedby="fault"`
  }>
<div><button>Go on</button></div>
</form>`;
}

/** Shows the code even if the address had it, so that the person compares it (RFC 8628, section 3.3.1). */
function question(
  { client, scopes, userCode }: DeviceLogin,
  { username, email }: User,
  formToken: string,
  path: string,
): Html {
  const items = scopes.map((scope) =>
    markup`<li><code>${scope}</code></li>
`
  );
  return markup`<p>A program on a device asks to sign in as <strong>${username}</strong> (${email}).</p>
<dl>
<dt>Code</dt>
<dd><strong><code>${userCode}</code></strong></dd>
<dt>Which program</dt>
<dd><code>${client.id}</code></dd>
<dt>What it may do</dt>
<dd><ul>
${items}</ul></dd>
</dl>
<p>Approve it only if you started this login yourself, and your device shows the same code.</p>
<form method="post" action="${path}">
<input type="hidden" name="form_token" value="${formToken}">
<input type="hidden" name="user_code" value="${userCode}">
<button name="choice" value="approve">Approve</button>
<button name="choice" value="deny">Deny</button>
</form>`;
}

async function decided(
  c: Context,
  choice: "approve" | "deny",
): Promise<Response> {
  const [title, text] = choice === "approve"
    ? ["The login is approved", "Your device goes on by itself."]
    : ["The login is denied", "Your device gets no access."];
  return await page(
    c,
    title,
    markup`<p role="status">${text} You can close this page.</p>`,
  );
}
