/** A JSR registry on loopback: enough of its protocol for Deno to install from it. */

/** One package version that the registry has. */
export interface PublishedPackage {
  name: string;
  version: string;
  /** By path in the package, with a leading slash. */
  files: Record<string, string>;
  /** "./export" to "./file". */
  exports: Record<string, string>;
}

/** A running registry. */
export interface Registry extends AsyncDisposable {
  url: string;
  /** The path of every request so far. */
  requests: string[];
}

/** Serves the packages until disposed of. */
export async function serveJsr(
  packages: PublishedPackage[],
): Promise<Registry> {
  const answers = new Map<string, string>();
  for (const one of packages) await publish(answers, one);
  const requests: string[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => {
      const { pathname } = new URL(request.url);
      requests.push(pathname);
      const body = answers.get(pathname);
      if (body === undefined) return new Response(null, { status: 404 });
      return new Response(body, {
        headers: { "content-type": contentType(pathname) },
      });
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    requests,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

function contentType(path: string): string {
  if (path.endsWith(".json")) return "application/json";
  return path.endsWith(".ts") ? "application/typescript" : "text/javascript";
}

async function publish(
  answers: Map<string, string>,
  { name, version, files, exports }: PublishedPackage,
): Promise<void> {
  const manifest: Record<string, { size: number; checksum: string }> = {};
  for (const [path, source] of Object.entries(files)) {
    answers.set(`/${name}/${version}${path}`, source);
    const bytes = new TextEncoder().encode(source);
    manifest[path] = { size: bytes.length, checksum: await checksum(bytes) };
  }
  const [scope, short] = name.slice(1).split("/");
  const meta = {
    scope,
    name: short,
    latest: version,
    versions: { [version]: {} },
  };
  answers.set(`/${name}/meta.json`, JSON.stringify(meta));
  answers.set(
    `/${name}/${version}_meta.json`,
    JSON.stringify({ manifest, exports }),
  );
}

async function checksum(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0"));
  return `sha256-${hex.join("")}`;
}
