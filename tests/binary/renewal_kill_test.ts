import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  type Child,
  CREDENTIALS,
  Home,
  run,
  start,
  until,
} from "../support/nanoctl.ts";
import {
  refusal,
  type Scripted,
  ScriptedOAuth,
} from "../support/scripted_oauth.ts";
import {
  assertClean,
  eachOf,
  leftovers,
  readCredentials,
  report,
  seeded,
  succeed,
  WORKERS,
  writeCredentials,
} from "../support/store_files.ts";

const KILLS = 100;

/**
 * A server that takes each refresh token once. What a login gets has expired, so
 * that the first command renews it; what that gets lives for an hour.
 */
class RotatingServer implements AsyncDisposable {
  readonly #server = new ScriptedOAuth({ token: (form) => this.#token(form) });
  readonly issuer = this.#server.issuer;
  /** The only refresh token that it takes. */
  valid = "";
  /** The access token that it issued last. */
  latest = "";
  /** Called when a refresh token was spent; the answer is sent after it. */
  onRenewal: () => void = () => {};
  #issued = 0;

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }

  #token(form: URLSearchParams): Scripted {
    const spent = form.get("refresh_token");
    if (spent !== null && spent !== this.valid) return refusal("invalid_grant");
    this.#issued++;
    this.valid = `refresh-${this.#issued}`;
    this.latest = `access-${this.#issued}`;
    if (spent !== null) this.onRenewal();
    return {
      body: {
        access_token: this.latest,
        refresh_token: this.valid,
        token_type: "Bearer",
        expires_in: spent === null ? 0 : 3600,
      },
    };
  }
}

/** Where the kills came, as the files and the next command tell. */
class Hits {
  /** The new tokens were not stored, and the old ones are spent. */
  lost = 0;
  /** A temporary file was there. */
  during = 0;
  stored = 0;

  toString(): string {
    const { lost, during, stored } = this;
    return `${lost} before the new file was in its place, ${stored} after it, and ${during} with a temporary file`;
  }
}

/** A login that is due. */
class Login implements AsyncDisposable {
  readonly home = new Home();
  readonly server = new RotatingServer();
  #due = "";
  #valid = "";

  static async make(): Promise<Login> {
    const login = new Login();
    const { home, server } = login;
    await succeed(["login", "--device", "--issuer", server.issuer], { home });
    login.#due = readCredentials(home);
    login.#valid = server.valid;
    return login;
  }

  /** How long it takes from the server's answer to the new file, in milliseconds. */
  async duration(): Promise<number> {
    const times: number[] = [];
    for (let i = 0; i < 5; i++) {
      const before = this.#inode();
      const child = start(["token"], { home: this.home });
      await this.#answered(child);
      const begin = performance.now();
      await until(() => this.#inode() !== before, "the new file");
      times.push(performance.now() - begin);
      assertEquals((await child.end()).code, 0);
      assertEquals(leftovers(this.home), []);
      this.#makeDue();
    }
    return times.sort((a, b) => a - b)[2] ?? 0;
  }

  /** Kills a command so many milliseconds after the server's answer, and looks at what is left. */
  async kill(delay: number, hits: Hits): Promise<void> {
    const { home } = this;
    const child = start(["token"], { home });
    await this.#answered(child);
    await new Promise((resolve) => setTimeout(resolve, delay));
    await killed(child);
    const left = leftovers(home).length;
    assert(left <= 1, `${left} temporary files: an earlier one was not tidied`);
    hits.during += left;
    assertClean(await succeed(["store", "info"], { home }));
    await this.#assertWorksOrEnded(hits);
    this.#makeDue();
  }

  /** As a new login would, but without the wait for its first poll. */
  #makeDue(): void {
    writeCredentials(this.home, this.#due);
    this.server.valid = this.#valid;
  }

  /** Fails unless the login works, or says that it has ended. */
  async #assertWorksOrEnded(hits: Hits): Promise<void> {
    const { home, server } = this;
    const result = await run(["token", "--json"], { home });
    assertClean(result);
    if (result.code === 0) {
      hits.stored++;
      assertEquals(JSON.parse(result.stdout).token, server.latest);
      return;
    }
    hits.lost++;
    const { error } = JSON.parse(result.stderr);
    assertEquals([result.code, error.code], [4, "login_ended"]);
  }

  /** Waits until the server answers a renewal, or the command has ended without one. */
  async #answered(child: Child): Promise<void> {
    const { server } = this;
    const answered = new Promise<void>((resolve) => {
      server.onRenewal = resolve;
    });
    const ended = child.end().then(({ stderr }) =>
      Promise.reject(new Error(`it ended without a renewal: ${stderr}`))
    );
    await Promise.race([answered, ended]);
    ended.catch(() => {});
  }

  #inode(): number | null {
    return Deno.statSync(this.home.at(CREDENTIALS)).ino;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.home[Symbol.dispose]();
    await this.server[Symbol.asyncDispose]();
  }
}

/** Kills a process and waits for its end; one that has ended already has ended. */
async function killed(child: Child): Promise<void> {
  try {
    child.kill("SIGKILL");
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
  await child.end();
}

describe("a renewal that is killed with SIGKILL", () => {
  it(`at ${KILLS} random instants between the server's answer and the new file leaves a login that works, or one that says it has ended`, () =>
    seeded(async (random) => {
      const hits = new Hits();
      const shares = Array.from({ length: WORKERS }, () => KILLS / WORKERS);
      await eachOf(shares, async (count) => {
        await using login = await Login.make();
        const duration = await login.duration();
        report(`answer to new file: ${duration.toFixed(1)} ms`);
        for (let i = 0; i < count; i++) {
          await login.kill(random.next() * duration * 1.5, hits);
        }
      });
      report(`kills: ${hits}`);
      assert(hits.lost > 0 && hits.stored > 0, `${hits}`);
    }));
});
