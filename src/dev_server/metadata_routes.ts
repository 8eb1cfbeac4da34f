import type { Context } from "hono";
import { Hono } from "hono/tiny";
import type { Cloud } from "./clouds/cloud.ts";
import type { InstanceIdentities } from "./clouds/identities.ts";
import { type DevEnv, type Guard } from "./guards.ts";

/** Where the metadata services get their data. */
interface Source {
  identities: InstanceIdentities;
  now: () => Date;
}

/** The routes of these clouds' metadata services with which an instance proves its identity. */
export function metadataRoutes(
  clouds: readonly Cloud[],
  source: Source,
): Hono<DevEnv> {
  const app = new Hono<DevEnv>();
  const routes = { aws: awsRoutes, azure: azureRoutes, google: googleRoutes };
  for (const cloud of new Set(clouds)) app.route("/", routes[cloud](source));
  return app;
}

const AWS_LONGEST = 21_600;
const AWS_TTL = "X-aws-ec2-metadata-token-ttl-seconds";
const AWS_TOKEN = "X-aws-ec2-metadata-token";
const AWS_TOKEN_PATH = "/latest/api/token";
const AWS_IDENTITY_PATH = "/latest/dynamic/instance-identity";

/** EC2's instance metadata service, version 2 (IMDSv2): requires a session token. */
function awsRoutes({ identities, now }: Source): Hono<DevEnv> {
  const app = new Hono<DevEnv>();
  const sessions = new Map<string, Date>();
  app.put(AWS_TOKEN_PATH, (c) => {
    if (isForwarded(c)) return awsError(c, 403, "Forbidden");
    const ttl = c.req.header(AWS_TTL) ?? "";
    const seconds = /^\d{1,5}$/.test(ttl) ? Number(ttl) : 0;
    if (seconds < 1 || seconds > AWS_LONGEST) {
      return awsError(c, 400, "Bad Request");
    }
    forgetExpired(sessions, now());
    const token = crypto.getRandomValues(new Uint8Array(40)).toBase64();
    sessions.set(token, new Date(now().getTime() + seconds * 1000));
    return c.text(token, 200, { [AWS_TTL]: `${seconds}` });
  });
  app.all(AWS_TOKEN_PATH, (c) => {
    c.header("Allow", "OPTIONS, PUT");
    return awsError(c, 405, "Not Allowed");
  });
  const withSession: Guard = async (c, next) => {
    const expiry = sessions.get(c.req.header(AWS_TOKEN) ?? "");
    if (expiry !== undefined && expiry > now()) return await next();
    return awsError(c, 401, "Unauthorized");
  };
  app.get(`${AWS_IDENTITY_PATH}/document`, withSession, async (c) => {
    const { document } = await identities.aws();
    return c.text(document);
  });
  app.get(`${AWS_IDENTITY_PATH}/signature`, withSession, async (c) => {
    const { signature } = await identities.aws();
    return c.text(signature);
  });
  return app;
}

function forgetExpired(sessions: Map<string, Date>, now: Date): void {
  for (const [token, expiry] of sessions) {
    if (expiry <= now) sessions.delete(token);
  }
}

/** EC2's errors are HTML pages. */
function awsError(
  c: Context,
  status: 400 | 401 | 403 | 405,
  phrase: string,
): Response {
  const title = `${status} - ${phrase}`;
  const page = `<!doctype html>\n<title>${title}</title>\n<h1>${title}</h1>\n`;
  return c.body(page, status, { "Content-Type": "text/html" });
}

const GOOGLE_IDENTITY_PATH =
  "/computeMetadata/v1/instance/service-accounts/default/identity";
const GOOGLE_FLAVOR = "Metadata-Flavor";

/** Compute Engine's metadata server: requires the `Metadata-Flavor: Google` header, and returns it. */
function googleRoutes({ identities }: Source): Hono<DevEnv> {
  const app = new Hono<DevEnv>();
  app.use("/computeMetadata/*", async (c, next) => {
    c.header(GOOGLE_FLAVOR, "Google");
    c.header("Server", "Metadata Server for VM");
    if (isForwarded(c) || c.req.header(GOOGLE_FLAVOR) !== "Google") {
      return googleError(c, 403, "Forbidden");
    }
    return await next();
  });
  app.get(GOOGLE_IDENTITY_PATH, async (c) => {
    const audience = c.req.query("audience") ?? "";
    if (audience === "") {
      return googleError(c, 400, "non-empty audience parameter required");
    }
    const full = c.req.query("format") === "full";
    const token = await identities.google(audience, full);
    // Google does label the bare token as HTML.
    return c.body(token, 200, { "Content-Type": "text/html" });
  });
  return app;
}

function googleError(c: Context, status: 400 | 403, text: string): Response {
  return c.body(`${text}\n`, status, { "Content-Type": "text/html" });
}

const AZURE_DOCUMENT_PATH = "/metadata/attested/document";
/** The API versions that have the attested document, newest first. */
const AZURE_VERSIONS = [
  "2021-02-01",
  "2021-01-01",
  "2020-12-01",
  "2020-10-01",
  "2020-09-01",
  "2020-07-15",
  "2020-06-01",
  "2019-11-01",
  "2019-08-15",
  "2019-08-01",
  "2019-06-04",
  "2019-06-01",
  "2019-04-30",
  "2019-03-11",
  "2019-02-01",
  "2018-10-01",
];

/** Azure's instance metadata service: requires its header and a version, and refuses proxied requests. */
function azureRoutes({ identities }: Source): Hono<DevEnv> {
  const app = new Hono<DevEnv>();
  app.get(AZURE_DOCUMENT_PATH, async (c) => {
    if (isForwarded(c)) {
      return azureError(c, "The X-Forwarded-For header is not allowed");
    }
    if (c.req.header("Metadata")?.toLowerCase() !== "true") {
      return azureError(c, "Required metadata header not specified");
    }
    const version = c.req.query("api-version") ?? "";
    if (!AZURE_VERSIONS.includes(version)) {
      const fault = version === "" ? "was not specified" : "is not supported";
      const newest = { "newest-versions": AZURE_VERSIONS.slice(0, 3) };
      return azureError(c, `api-version ${fault} in the request`, newest);
    }
    const nonce = c.req.query("nonce");
    if (nonce !== undefined && !/^\d{1,10}$/.test(nonce)) {
      return azureError(c, "nonce is not a number of at most 10 digits");
    }
    return c.json(await identities.azure(nonce));
  });
  return app;
}

function azureError(
  c: Context,
  fault: string,
  members: Record<string, unknown> = {},
): Response {
  return c.json({ error: `Bad request. ${fault}`, ...members }, 400);
}

/** Whether the request came through a proxy, which no metadata service allows. */
function isForwarded(c: Context): boolean {
  return c.req.header("X-Forwarded-For") !== undefined;
}
