import { isObject } from "../../src/json.ts";

const PREFIX = "vault:v1:";

/**
 * A stand-in for the transit engine of Vault and OpenBao, written from its public
 * API: POST /v1/transit/encrypt/<key> and /v1/transit/decrypt/<key>, with the
 * token in X-Vault-Token. It serves one key, which it has made.
 */
export class TransitServer implements AsyncDisposable {
  readonly token = `hvs.${crypto.randomUUID()}`;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #key: Promise<CryptoKey>;
  /** The requests so far: the status, the method and the path. */
  readonly seen: string[] = [];

  constructor(readonly name: string) {
    this.#key = crypto.subtle.generateKey(
      { name: "AES-GCM", length: 256 },
      false,
      ["encrypt", "decrypt"],
    ) as Promise<CryptoKey>;
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      async (request) => {
        const answer = await this.#answer(request);
        const { pathname } = new URL(request.url);
        this.seen.push(`${answer.status} ${request.method} ${pathname}`);
        return answer;
      },
    );
  }

  /** What VAULT_ADDR is set to. */
  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  async #answer(request: Request): Promise<Response> {
    if (request.headers.get("x-vault-token") !== this.token) {
      return refused(403, "permission denied");
    }
    const [, action, name] = new URL(request.url).pathname
      .match(/^\/v1\/transit\/(encrypt|decrypt)\/([\w-]+)$/) ?? [];
    if (request.method !== "POST" || action === undefined) {
      return refused(404, "no handler for route");
    }
    if (name !== this.name) return refused(400, "encryption key not found");
    const body: unknown = await request.json().catch(() => undefined);
    const field = action === "encrypt" ? "plaintext" : "ciphertext";
    const given = isObject(body) ? body[field] : undefined;
    if (typeof given !== "string") return refused(400, `missing ${field}`);
    try {
      return action === "encrypt"
        ? await this.#encrypt(given)
        : await this.#decrypt(given);
    } catch {
      return refused(400, `invalid ${field}`);
    }
  }

  async #encrypt(plaintext: string): Promise<Response> {
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const sealed = await crypto.subtle.encrypt(
      { name: "AES-GCM", iv },
      await this.#key,
      Uint8Array.fromBase64(plaintext),
    );
    const bytes = new Uint8Array([...iv, ...new Uint8Array(sealed)]);
    const ciphertext = PREFIX + bytes.toBase64();
    return Response.json({ data: { ciphertext, key_version: 1 } });
  }

  async #decrypt(ciphertext: string): Promise<Response> {
    if (!ciphertext.startsWith(PREFIX)) throw new Error("no prefix");
    const bytes = Uint8Array.fromBase64(ciphertext.slice(PREFIX.length));
    const opened = await crypto.subtle.decrypt(
      { name: "AES-GCM", iv: bytes.slice(0, 12) },
      await this.#key,
      bytes.slice(12),
    );
    const plaintext = new Uint8Array(opened).toBase64();
    return Response.json({ data: { plaintext } });
  }
}

function refused(status: number, error: string): Response {
  return Response.json({ errors: [error] }, { status });
}
