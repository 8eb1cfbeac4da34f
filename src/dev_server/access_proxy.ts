import { Hono } from "hono/tiny";
import type { MiddlewareHandler } from "hono";
import * as v from "valibot";
import { guardAdmin, only, readBody, text } from "./admin_body.ts";
import { type DevEnv, onlyMethods } from "./guards.ts";
import { markup, page } from "./page.ts";

const PATH = "/dev/access";
const Change = only({
  header: v.nullable(v.pipe(
    v.string("must be a string or null"),
    v.regex(/^[\w-]{1,64}$/, "must be the name of a header"),
  )),
  value: v.optional(text),
});

/** A simulated access proxy in front of the service; off until the admin route sets it up. */
export class AccessProxy {
  #wanted: { header: string; value: string | undefined } | undefined;

  /** Passes requests that have the header or are for `/dev/`; answers the rest with a sign-in page. */
  get guard(): MiddlewareHandler<DevEnv> {
    return async (c, next) => {
      const wanted = this.#wanted;
      if (wanted === undefined || c.req.path.startsWith("/dev/")) {
        return await next();
      }
      const given = c.req.header(wanted.header);
      const isIn = given !== undefined &&
        (wanted.value === undefined || given === wanted.value);
      if (isIn) return await next();
      const body = markup`<p>Sign in to go on to the service.</p>`;
      return await page(c, "Sign in", body, 403);
    };
  }

  /** The admin route that turns the proxy on and off. */
  get adminRoutes(): Hono<DevEnv> {
    const app = new Hono<DevEnv>();
    guardAdmin(app, PATH);
    app.get(PATH, (c) => c.json({ header: this.#wanted?.header ?? null }));
    app.patch(PATH, async (c) => {
      const { header, value } = await readBody(c, Change);
      this.#wanted = header === null ? undefined : { header, value };
      return c.json({ header });
    });
    onlyMethods(app, PATH, "GET", "HEAD", "PATCH");
    return app;
  }
}
