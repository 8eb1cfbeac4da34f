import { join } from "@std/path";

/** Where Debian keeps git's server for HTTP (git-http-backend(1)). */
const BACKEND = "/usr/lib/git-core/git-http-backend";

/** The login of a request (RFC 7617). */
export interface BasicLogin {
  username: string;
  password: string;
}

/** Real git over HTTP on loopback, which asks for a login: one repository, with one commit. */
export class GitServer implements AsyncDisposable {
  readonly #folder: string;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  /** Its origin, without a trailing slash. */
  readonly url: string;
  /** The logins that came, good or not, in order. */
  readonly logins: BasicLogin[] = [];
  /** The password that it accepts, of any user. */
  password: string;

  private constructor(folder: string, password: string) {
    this.#folder = folder;
    this.password = password;
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) => this.#answer(request),
    );
    this.url = `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** The URL of the repository. */
  get repository(): string {
    return `${this.url}/private.git`;
  }

  /** Starts it on a free port. */
  static async start(password: string): Promise<GitServer> {
    const folder = await Deno.makeTempDir({ prefix: "nanoctl-git-" });
    const work = join(folder, "work");
    const who = ["-c", "user.name=ada", "-c", "user.email=ada@example.com"];
    await git(folder, "init", "-q", "work");
    await Deno.writeTextFile(join(work, "file"), "the content\n");
    await git(work, "add", "file");
    await git(work, ...who, "commit", "-q", "-m", "A commit");
    await git(folder, "clone", "-q", "--bare", "work", "private.git");
    return new GitServer(folder, password);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
    await Deno.remove(this.#folder, { recursive: true });
  }

  async #answer(request: Request): Promise<Response> {
    const login = basicLogin(request.headers.get("authorization") ?? "");
    if (login) this.logins.push(login);
    if (login?.password !== this.password) {
      await request.body?.cancel();
      return new Response("Log in.", {
        status: 401,
        headers: { "www-authenticate": 'Basic realm="git"' },
      });
    }
    const { pathname, search } = new URL(request.url);
    const child = new Deno.Command(BACKEND, {
      clearEnv: true,
      env: {
        PATH: "/usr/bin:/bin",
        GIT_PROJECT_ROOT: this.#folder,
        GIT_HTTP_EXPORT_ALL: "1",
        REMOTE_USER: login.username,
        REQUEST_METHOD: request.method,
        PATH_INFO: pathname,
        QUERY_STRING: search.slice(1),
        CONTENT_TYPE: request.headers.get("content-type") ?? "",
        HTTP_CONTENT_ENCODING: request.headers.get("content-encoding") ?? "",
        GIT_PROTOCOL: request.headers.get("git-protocol") ?? "",
      },
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(await request.bytes());
    await writer.close();
    return responseOf((await child.output()).stdout);
  }
}

function basicLogin(header: string): BasicLogin | undefined {
  const [, encoded] = /^Basic (\S+)$/.exec(header) ?? [];
  if (encoded === undefined) return undefined;
  const [username = "", ...password] = atob(encoded).split(":");
  return { username, password: password.join(":") };
}

/** What a CGI program printed (RFC 3875, section 6). */
function responseOf(printed: Uint8Array<ArrayBuffer>): Response {
  const text = new TextDecoder("latin1").decode(printed);
  const end = text.indexOf("\r\n\r\n");
  const headers = new Headers();
  for (const line of text.slice(0, end).split("\r\n")) {
    const [name = "", value = ""] = line.split(/: */, 2);
    headers.append(name, value);
  }
  const status = Number.parseInt(headers.get("status") ?? "200");
  headers.delete("status");
  return new Response(printed.slice(end + 4), { status, headers });
}

async function git(folder: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("git", {
    args,
    cwd: folder,
    clearEnv: true,
    env: { PATH: "/usr/bin:/bin", GIT_CONFIG_NOSYSTEM: "1", HOME: folder },
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}
