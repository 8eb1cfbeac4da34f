import type { Context } from "hono";
// Renamed, because deno fmt reformats html`` templates and never settles.
import { html as markup } from "hono/html";

/** Tags a template as HTML: escapes interpolated values, except for other such templates. */
export { markup };

/** A fragment of HTML. */
export type Html = ReturnType<typeof markup>;

const STYLE = `
:root { color-scheme: light dark }
body { font: 1rem/1.6 system-ui, sans-serif; max-width: 42rem; margin: 2rem auto; padding: 0 1rem }
label { display: block; margin-top: 1rem }
input, select, button { font: inherit; padding: .4rem .6rem }
button { margin-top: 1.5rem }
dt { font-weight: bold }
dd { margin: 0 0 1rem }
time { white-space: nowrap }
pre { overflow-x: auto; padding: .8rem; border: 1px solid }
`;

/**
 * A page of the service with a strict Content-Security-Policy: no scripts, no
 * external resources, no framing, and forms to its own origin only.
 */
export async function page(
  c: Context,
  title: string,
  body: Html,
  status: 200 | 201 | 400 | 403 | 404 | 429 = 200,
): Promise<Response> {
  const nonce = crypto.randomUUID();
  c.header(
    "Content-Security-Policy",
    `default-src 'none'; style-src 'nonce-${nonce}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
  );
  // With no-referrer, browsers would send our own form with `Origin: null`.
  c.header("Referrer-Policy", "same-origin");
  return await c.html(
    markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style nonce="${nonce}">${STYLE}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${body}
</main>
</body>
</html>
`,
    status,
  );
}
