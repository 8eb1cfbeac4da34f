import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { afterAll, beforeAll, describe } from "@std/testing/bdd";
import { baseFiles } from "../support/base_images.ts";
import { Authority } from "../support/certificates.ts";
import { canConfine } from "../support/confined.ts";
import { imageNames, ImagePlace, makeRelease } from "../support/image_place.ts";
import { itNeeding } from "../support/needs.ts";
import { me, StrangeServer } from "../support/servers.ts";
import { someToken } from "../support/store_files.ts";

const TOKEN = someToken();
const SECRETS = "/run/secrets";
const TOKEN_FILE = { NANOSERVICES_TOKEN_FILE: `${SECRETS}/token` };
const CA_FILE = ["--ca-file", `${SECRETS}/ca.pem`];
const MISSING = canConfine() ?? baseFiles();

/** Knows only one token. */
function answer({ headers, url }: { headers: Headers; url: URL }): Response {
  const isKnown = headers.get("authorization") === `Bearer ${TOKEN}`;
  if (!isKnown) {
    return Response.json({ code: "token_invalid" }, { status: 401 });
  }
  return url.pathname === "/v1/me"
    ? me({ username: "ada" })
    : new Response(null, { status: 404 });
}

describe("in an image", () => {
  let release = "";
  let authority: Authority;
  let service: StrangeServer;

  beforeAll(async () => {
    if (MISSING !== undefined) return;
    release = await Deno.makeTempDir({ prefix: "nanoctl-images-" });
    await makeRelease(release);
    authority = await Authority.create();
    service = new StrangeServer(answer, await authority.issue());
  });
  afterAll(async () => {
    if (release === "") return;
    await service[Symbol.asyncDispose]();
    await Deno.remove(release, { recursive: true });
  });

  /** An image with what an engine mounts: the token and the authority of the service. */
  async function placeOf(name: string): Promise<ImagePlace> {
    const place = await ImagePlace.build(name, release);
    await Deno.writeTextFile(join(place.secrets, "token"), `${TOKEN}\n`);
    await Deno.writeTextFile(join(place.secrets, "ca.pem"), authority.pem);
    return place;
  }

  for (const name of imageNames()) {
    itNeeding(
      MISSING,
      `of ${name}, a login is checked, stored, used and forgotten`,
      async () => {
        await using place = await placeOf(name);
        const at = ["--url", service.url];
        const login = ["login", ...at, ...CA_FILE];
        const before = service.caught.length;
        assertEquals(
          await place.run(login, TOKEN_FILE),
          { code: 0, stdout: "", stderr: "" },
        );
        assertEquals(service.caught.length, before + 1);
        assertEquals([...Deno.readDirSync(place.volume)], []);

        const stored = await place.run([...login, "--save"], TOKEN_FILE);
        assertEquals(stored.code, 0, stored.stderr);
        const file = join(place.volume, "config/credentials.json");
        const text = await Deno.readTextFile(file);
        assertMatch(text, /"username": ?"ada"/);
        assert(!text.includes(TOKEN));

        assertEquals(
          await place.run(["token"]),
          { code: 0, stdout: `${TOKEN}\n`, stderr: "" },
        );
        const trusted = { SSL_CERT_FILE: `${SECRETS}/ca.pem` };
        for (const proc of [false, true]) {
          assertEquals(
            await place.run(["whoami"], trusted, { proc }),
            { code: 0, stdout: "ada\n", stderr: "" },
          );
        }
        const untrusted = await place.run(["whoami"]);
        assertEquals(untrusted.code, 5, untrusted.stderr);

        const out = await place.run(["logout"]);
        assertEquals(out.code, 0, out.stderr);
        assertEquals((await place.run(["token"])).code, 3);
      },
    );
  }
});
