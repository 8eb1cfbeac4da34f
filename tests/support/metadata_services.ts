import { deadUrl } from "./servers.ts";

/** The clouds whose metadata services have stand-ins. */
export const CLOUDS = ["aws", "azure", "google"] as const;

/** A cloud with a stand-in. */
export type Cloud = typeof CLOUDS[number];

/** The variable that overrides each cloud's metadata service. */
export const METADATA_VARIABLES = {
  aws: "AWS_EC2_METADATA_SERVICE_ENDPOINT",
  azure: "AZURE_METADATA_ENDPOINT",
  google: "GCE_METADATA_HOST",
} as const satisfies Record<Cloud, string>;

/** What a stand-in does instead of answering correctly. */
export type Misbehaviour =
  /** Accepts the request and never answers. */
  | "stall"
  /** Sends only the head and the first bytes of the answer. */
  | "stall-body"
  /** 302 to `redirectTo`, or else to its own path that has the right answer. */
  | "redirect"
  /** 200 with a web page, as a captive portal does. */
  | "html"
  /** 200 with an empty body. */
  | "empty"
  /** 200 with a document of 1 MiB. */
  | "large"
  /** 200 with a text that is neither a document nor JSON. */
  | "nonsense"
  /** This status, with the cloud's usual body. */
  | number;

/** How a stand-in behaves; by default correctly. */
export interface MetadataOptions {
  misbehaves?: Misbehaviour | undefined;
  /** Misbehaves only for paths that contain this. */
  only?: string;
  /** The target of `redirect`. */
  redirectTo?: string;
  /** A prefix of every path, for a variable that is a URL with a path. */
  prefix?: string;
}

/** A request that a metadata service received. */
export interface AskedMetadata {
  method: string;
  /** The path and the query. */
  target: string;
  /** By lower-case name. */
  headers: Record<string, string>;
  body: string;
}

/** The instance that the stand-ins describe. */
export const INSTANCE = {
  aws: "i-0123456789abcdef0",
  azure: "02aab8a4-74ef-476e-8182-f6d2ba4166a6",
  google: "4520031799277581759",
} as const satisfies Record<Cloud, string>;

/**
 * An EC2 instance's identity document with its original white space, as the
 * signature covers the exact bytes.
 */
export const AWS_DOCUMENT = `{
  "accountId" : "123456789012",
  "architecture" : "x86_64",
  "availabilityZone" : "eu-central-1a",
  "billingProducts" : null,
  "devpayProductCodes" : null,
  "marketplaceProductCodes" : null,
  "imageId" : "ami-0abcdef1234567890",
  "instanceId" : "${INSTANCE.aws}",
  "instanceType" : "t3.micro",
  "kernelId" : null,
  "pendingTime" : "2026-01-15T11:58:20Z",
  "privateIp" : "10.0.0.7",
  "ramdiskId" : null,
  "region" : "eu-central-1",
  "version" : "2017-09-30"
}`;

/** An RSA signature in IMDS's format: base64 with line breaks, but not at the end. */
export const AWS_SIGNATURE = [
  base64(48, 3).slice(0, 64),
  base64(48, 5).slice(0, 64),
  base64(32, 7),
].join("\n");

/** An Azure virtual machine's attested document: fake base64-encoded PKCS#7, without a signature. */
export const AZURE_SIGNATURE = base64(1200, 11);

/** The claims of a Compute Engine identity token with `format=full`. */
export function googleClaims(audience: string): Record<string, unknown> {
  return {
    aud: audience,
    azp: "113774264463038321964",
    email: "123456789012-compute@developer.gserviceaccount.com",
    email_verified: true,
    exp: 4_102_444_800,
    google: {
      compute_engine: {
        instance_creation_timestamp: 1_700_000_000,
        instance_id: INSTANCE.google,
        instance_name: "workspace-1",
        project_id: "project-1",
        project_number: 123_456_789_012,
        zone: "europe-west3-c",
      },
    },
    iat: 1_768_478_400,
    iss: "https://accounts.google.com",
    sub: "113774264463038321964",
  };
}

/** An identity token for an audience, with a fake signature. */
export function googleToken(audience: string): string {
  return [
    base64url({ alg: "RS256", kid: "9a0b1c2d", typ: "JWT" }),
    base64url(googleClaims(audience)),
    base64(256, 13).replace(/=+$/, "").replaceAll("+", "-")
      .replaceAll("/", "_"),
  ].join(".");
}

/** Variables that point all three metadata services to a closed port. */
function noMetadata(): Record<string, string> {
  const dead = deadUrl();
  return Object.fromEntries(
    CLOUDS.map((cloud) => [METADATA_VARIABLES[cloud], valueFor(cloud, dead)]),
  );
}

/** Starts a cloud's metadata service on loopback. */
export function startMetadata(
  cloud: Cloud,
  options: MetadataOptions = {},
): MetadataStandIn {
  return new MetadataStandIn(cloud, options);
}

/**
 * A stand-in for a cloud's metadata service on 127.0.0.1, with the real one's
 * paths, headers, statuses and formats. It records all requests.
 */
export class MetadataStandIn implements AsyncDisposable {
  readonly cloud: Cloud;
  /** Its URL, with the prefix if there is one. */
  readonly url: string;
  /** All requests so far. */
  readonly asked: AskedMetadata[] = [];
  /** Its current behaviour; can be changed at any time. */
  options: MetadataOptions;
  /** The IMDSv2 tokens that it issued. */
  readonly #tokens = new Set<string>();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  /** Ends the answers that would never end. */
  readonly #closing = new AbortController();

  constructor(cloud: Cloud, options: MetadataOptions) {
    this.cloud = cloud;
    this.options = options;
    this.#server = Deno.serve(
      {
        hostname: "127.0.0.1",
        port: 0,
        onListen: () => {},
        // The client has left, as expected when it is kept waiting.
        onError: () => new Response(null, { status: 500 }),
      },
      (request) => this.#handle(request),
    );
    const { prefix = "" } = options;
    this.url = `http://127.0.0.1:${this.#server.addr.port}${prefix}`;
  }

  /** The variable of the cloud's SDK that points to it; the other clouds' point to a closed port. */
  get env(): Record<string, string> {
    const { cloud } = this;
    return {
      ...noMetadata(),
      [METADATA_VARIABLES[cloud]]: valueFor(cloud, this.url),
    };
  }

  /** The requests so far, as `METHOD path`. */
  get paths(): string[] {
    return this.asked.map(({ method, target }) =>
      `${method} ${target.replace(/\?.*/, "")}`
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#server.shutdown();
  }

  async #handle(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    this.asked.push({
      method: request.method,
      target: pathname + search,
      headers: Object.fromEntries(request.headers),
      body: await request.text(),
    });
    const { misbehaves, only = "", prefix = "" } = this.options;
    if (!pathname.startsWith(prefix)) return missing(this.cloud);
    const path = pathname.slice(prefix.length);
    if (misbehaves !== undefined && path.includes(only)) {
      return await this.#misbehave(misbehaves, path + search);
    }
    const asked = path.replace(/^\/moved/, "");
    switch (this.cloud) {
      case "aws":
        return this.#aws(request, asked);
      case "azure":
        return azure(request, asked);
      case "google":
        return google(request, asked);
    }
  }

  /** IMDSv2: requires one of its own tokens. */
  #aws(request: Request, path: string): Response {
    if (path === "/latest/api/token") {
      if (request.method !== "PUT") return failed("aws", 405);
      const seconds = Number(
        request.headers.get("x-aws-ec2-metadata-token-ttl-seconds"),
      );
      const isTime = Number.isInteger(seconds) && seconds >= 1 &&
        seconds <= 21_600;
      // It refuses proxied requests.
      if (!isTime) return failed("aws", 400);
      if (request.headers.has("x-forwarded-for")) return failed("aws", 403);
      const token = `AQAAA${crypto.randomUUID().replaceAll("-", "")}==`;
      this.#tokens.add(token);
      return text(token, {
        "x-aws-ec2-metadata-token-ttl-seconds": `${seconds}`,
      });
    }
    const token = request.headers.get("x-aws-ec2-metadata-token") ?? "";
    if (!this.#tokens.has(token)) return failed("aws", 401);
    if (request.method !== "GET") return failed("aws", 405);
    switch (path) {
      case "/latest/dynamic/instance-identity/document":
        return text(AWS_DOCUMENT);
      case "/latest/dynamic/instance-identity/signature":
        return text(AWS_SIGNATURE);
      default:
        return missing("aws");
    }
  }

  async #misbehave(what: Misbehaviour, target: string): Promise<Response> {
    const { prefix = "", redirectTo } = this.options;
    switch (what) {
      case "stall":
        await this.#end();
        return new Response(null, { status: 503 });
      case "stall-body":
        return new Response(this.#endless());
      case "redirect": {
        const location = redirectTo ?? `${prefix}/moved${target}`;
        return new Response(null, { status: 302, headers: { location } });
      }
      case "html":
        return new Response(
          "<!DOCTYPE html>\n<html><body>Log in to the network</body></html>\n",
          { headers: { "content-type": "text/html" } },
        );
      case "empty":
        return text("");
      case "large":
        return text("A".repeat(1024 * 1024));
      case "nonsense":
        return text("this is\x1b[2J nothing of the kind\n");
      default:
        return failed(this.cloud, what);
    }
  }

  #endless(): ReadableStream<Uint8Array> {
    const ended = this.#end();
    return new ReadableStream({
      async start(controller): Promise<void> {
        controller.enqueue(new TextEncoder().encode("eyJh"));
        await ended;
        try {
          controller.close();
        } catch {
          // The client has left.
        }
      },
    });
  }

  #end(): Promise<void> {
    const { signal } = this.#closing;
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }
}

function azure(request: Request, path: string): Response {
  if (request.headers.get("metadata") !== "true") {
    return azureError(
      400,
      "Bad request. Required metadata header not specified",
    );
  }
  if (request.headers.has("x-forwarded-for")) {
    return azureError(
      400,
      "Bad request. X-Forwarded-For header is not allowed",
    );
  }
  if (path !== "/metadata/attested/document") {
    return azureError(404, "Not found");
  }
  const version = new URL(request.url).searchParams.get("api-version") ?? "";
  if (!/^20\d\d-\d\d-\d\d$/.test(version)) {
    return azureError(400, "Bad request. api-version was not specified");
  }
  return Response.json({ encoding: "pkcs7", signature: AZURE_SIGNATURE }, {
    headers: { "content-type": "application/json; charset=utf-8" },
  });
}

function azureError(status: number, error: string): Response {
  return Response.json({ error }, { status });
}

function google(request: Request, path: string): Response {
  const given = request.headers.get("metadata-flavor");
  if (given !== "Google" || request.headers.has("x-forwarded-for")) {
    return failed("google", 403);
  }
  const account = "/computeMetadata/v1/instance/service-accounts/default";
  if (path !== `${account}/identity`) return missing("google");
  const query = new URL(request.url).searchParams;
  const audience = query.get("audience");
  if (!audience) {
    return new Response("non-empty audience parameter required\n", {
      status: 400,
      headers: { "metadata-flavor": "Google", "content-type": "text/html" },
    });
  }
  return text(googleToken(audience), { "metadata-flavor": "Google" });
}

/** The value for this cloud's variable: a host for Google, a URL for the others. */
function valueFor(cloud: Cloud, url: string): string {
  return cloud === "google" ? url.replace(/^http:\/\//, "") : url;
}

function text(body: string, headers: Record<string, string> = {}): Response {
  return new Response(body, {
    headers: { "content-type": "text/plain", ...headers },
  });
}

function missing(cloud: Cloud): Response {
  return failed(cloud, 404);
}

/** An error in each cloud's format. */
function failed(cloud: Cloud, status: number): Response {
  if (cloud === "azure") return azureError(status, `Failed with ${status}`);
  return new Response(
    `<?xml version="1.0" encoding="iso-8859-1"?>\n<html><head><title>${status}</title></head></html>\n`,
    { status, headers: { "content-type": "text/html" } },
  );
}

/** Deterministic bytes in base64. */
function base64(length: number, seed: number): string {
  const bytes = Array.from(
    { length },
    (_, at) => (at * at * seed + at * 31 + seed) % 256,
  );
  return btoa(String.fromCharCode(...bytes));
}

function base64url(value: unknown): string {
  return btoa(JSON.stringify(value)).replace(/=+$/, "").replaceAll("+", "-")
    .replaceAll("/", "_");
}
