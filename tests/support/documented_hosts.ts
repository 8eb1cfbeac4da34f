import { assert } from "@std/assert";
import { makeCertificate } from "./certificate_maker.ts";
import { Garden } from "./garden.ts";
import { GitServer } from "./git_server.ts";
import { NameProxy } from "./proxies.ts";
import { Service } from "./service.ts";
import { TokenGate } from "./token_gate.ts";
import { TransitServer } from "./transit_server.ts";

/** The password of the git server, which is the token of the provider github. */
export const PROVIDER_TOKEN = "gho_that-the-git-server-takes";

/** What is below these paths is no part of the protocol: other people's clients ask for it. */
const OTHERS = /^\/(v1\/things|-\/)/;

const FORM = "application/x-www-form-urlencoded";

/** The servers behind the names in the documents; each gets the path and gives the URL that answers. */
type Routes = Record<string, (path: string) => string>;

/**
 * The hosts that the documents name, on this machine: the embedded service, git's
 * server and a folder of downloads, over TLS behind a proxy that knows the names.
 */
export class DocumentedHosts implements AsyncDisposable {
  readonly service: Service;
  /** The certificate authority of all of them, in PEM. */
  readonly authority: string;
  /** What can be downloaded from releases.example.com, by name. */
  readonly downloads = new Map<string, Uint8Array<ArrayBuffer>>();
  /** The requests so far: method, URL and body, such as `GET https://nano.example.com/v1/me`. */
  readonly requests: string[] = [];
  /** The transit engine, with the key of the documents. */
  readonly transit = new TransitServer("nanoctl");
  /** A service that somebody describes. */
  readonly garden = new Garden();
  readonly #git: GitServer;
  readonly #gate: TokenGate;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #proxy: NameProxy;
  readonly #routes: Routes;

  private constructor(
    service: Service,
    git: GitServer,
    authority: string,
    identity: { cert: string; key: string },
  ) {
    this.service = service;
    this.authority = authority;
    this.#git = git;
    this.#gate = new TokenGate(service);
    this.#routes = {
      ...routes(service, git, this.#gate),
      "garden.example": (path) => this.garden.url + path,
    };
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {}, ...identity },
      (request) => this.#answer(request),
    );
    this.#proxy = new NameProxy(`https://127.0.0.1:${this.#server.addr.port}`);
  }

  /** Starts them. The service simulates the clouds too. */
  static async start(): Promise<DocumentedHosts> {
    const authority = await makeCertificate({ authority: true });
    const [identity, service, git] = await Promise.all([
      makeCertificate({ subject: "hosts", names: NAMES, issuer: authority }),
      Service.start("--metadata", "aws,azure,google"),
      GitServer.start(PROVIDER_TOKEN),
    ]);
    return new DocumentedHosts(service, git, authority.cert, identity);
  }

  /** Connects the external providers; the git server takes the token of github. */
  async connectProviders(): Promise<void> {
    const github = { access_token: PROVIDER_TOKEN };
    await connect(this.service, "github", github);
    await connect(this.service, "slack");
  }

  /** The variables that take clients here; `authority` is the path of a file with that. */
  variables(authority: string): Record<string, string> {
    return {
      HTTPS_PROXY: this.#proxy.url(),
      // So that nothing leaves this machine.
      http_proxy: this.#proxy.url(),
      NO_PROXY: "127.0.0.1",
      SSL_CERT_FILE: authority,
      GIT_SSL_CAINFO: authority,
      npm_config_cafile: authority,
    };
  }

  async #answer(request: Request): Promise<Response> {
    const { method } = request;
    const url = new URL(request.url);
    const origin = `https://${url.hostname}`;
    const body = await request.bytes();
    this.requests.push(
      `${method} ${origin}${url.pathname}${url.search} ${
        new TextDecoder().decode(body)
      }`.trim(),
    );
    const download = this.downloads.get(url.pathname.slice(1));
    if (url.hostname === "releases.example.com") {
      return new Response(download ?? null, { status: download ? 200 : 404 });
    }
    const target = this.#routes[url.hostname]?.(url.pathname);
    if (target === undefined) return new Response(null, { status: 404 });
    const headers = new Headers(request.headers);
    for (const name of ["host", "expect", "accept-encoding"]) {
      headers.delete(name);
    }
    const isForm = headers.get("content-type")?.startsWith(FORM);
    const answer = await fetch(`${target}${url.search}`, {
      method,
      headers,
      redirect: "manual",
      ...(body.length === 0 ? {} : {
        body: isForm ? formTo(this.service.url, origin, body) : body,
      }),
    });
    return await asFrom(origin, this.service.url, answer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#proxy[Symbol.asyncDispose]();
    await this.#server.shutdown();
    await this.#gate[Symbol.asyncDispose]();
    await this.#git[Symbol.asyncDispose]();
    await this.transit[Symbol.asyncDispose]();
    await this.garden[Symbol.asyncDispose]();
    await this.service.stop();
  }
}

/** What these hosts are called in the documents. */
const NAMES = [
  "nano.example.com",
  "id.example.com",
  "id.example",
  "coder.example",
  "github.com",
  "garden.example",
  "releases.example.com",
];

function routes(service: Service, git: GitServer, gate: TokenGate): Routes {
  const toService = (path: string): string => service.url + path;
  return {
    "nano.example.com": (path) =>
      (OTHERS.test(path) ? gate.url : service.url) + path,
    "id.example.com": toService,
    "id.example": toService,
    "coder.example": toService,
    "github.com": (path) =>
      path.replace(/^\/example\/private(\.git)?(?=\/)/, git.repository),
  };
}

async function connect(
  service: Service,
  provider: string,
  wish: { access_token?: string } = {},
): Promise<void> {
  const answer = await fetch(`${service.url}/dev/external-auth/${provider}`, {
    method: "PATCH",
    body: JSON.stringify({ connected: true, ...wish }),
  });
  assert(answer.ok, await answer.text());
}

/** A form in which the service is called as it calls itself, as an audience may be. */
function formTo(
  own: string,
  origin: string,
  body: Uint8Array<ArrayBuffer>,
): string {
  return new TextDecoder().decode(body)
    .replaceAll(encodeURIComponent(origin), encodeURIComponent(own));
}

/** An answer of the service in which it calls itself by this origin, as one behind a proxy would. */
async function asFrom(
  origin: string,
  own: string,
  answer: Response,
): Promise<Response> {
  const headers = new Headers(answer.headers);
  headers.delete("content-length");
  if (!headers.get("content-type")?.startsWith("application/json")) {
    return new Response(answer.body, { status: answer.status, headers });
  }
  const text = (await answer.text()).replaceAll(own, origin);
  return new Response(text, { status: answer.status, headers });
}
