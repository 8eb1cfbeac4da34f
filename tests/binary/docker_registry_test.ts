import { assertEquals, assertMatch } from "@std/assert";
import { afterAll, beforeAll, it } from "@std/testing/bdd";
import { importPKCS8, SignJWT } from "jose";
import { Authority } from "../support/certificates.ts";
import {
  BINARY,
  Home,
  type Result,
  run,
  type RunOptions,
} from "../support/nanoctl.ts";
import {
  describeWithRegistry,
  Registry,
  skopeo,
  skopeoEnv,
  USERS,
  writeImage,
} from "../support/registry.ts";
import { deadUrl } from "../support/servers.ts";
import { Service } from "../support/service.ts";

const { ada, oauth2 } = USERS;
const PLAIN_HTTP = "--tls-verify=false";

describeWithRegistry("skopeo, with a registry that wants a login", () => {
  let registry: Registry;
  let service: Service;
  beforeAll(async () => {
    registry = await Registry.start();
    service = await Service.start();
  });
  afterAll(async () => {
    await service?.stop();
    await registry?.[Symbol.asyncDispose]();
  });

  /** A home in which our helper is named for this host. */
  function homeFor(host: string): Home {
    const home = new Home();
    Deno.writeTextFileSync(
      home.at("auth.json"),
      JSON.stringify({ credHelpers: { [host]: "nanoctl" } }),
    );
    return home;
  }

  async function call(
    home: Home,
    args: string[],
    { env, ...options }: RunOptions = {},
  ): Promise<Result> {
    return await skopeo(home, args, {
      ...options,
      env: { ...skopeoEnv(home, BINARY), ...env },
    });
  }

  async function works(
    home: Home,
    args: string[],
    options: RunOptions = {},
  ): Promise<string> {
    const { code, stdout, stderr } = await call(home, args, options);
    assertEquals(code, 0, stderr);
    return stdout;
  }

  function logIn(home: Home, host = registry.host): Promise<string> {
    const { username, password } = ada;
    return works(
      home,
      [
        ...["login", PLAIN_HTTP, "--username", username, "--password-stdin"],
        host,
      ],
      { stdin: password },
    );
  }

  /** Writes an image to the registry, looks at it and reads it back. */
  async function pushAndPull(
    home: Home,
    name: string,
    env: Record<string, string> = {},
  ): Promise<void> {
    const layer = await writeImage(home.at("image"));
    const image = `docker://${registry.host}/${name}:1`;
    await works(
      home,
      ["copy", "--dest-tls-verify=false", `dir:${home.at("image")}`, image],
      { env },
    );
    const { Layers } = JSON.parse(
      await works(home, ["inspect", PLAIN_HTTP, image], { env }),
    );
    assertEquals(Layers, [`sha256:${layer}`]);
    await works(
      home,
      ["copy", "--src-tls-verify=false", image, `dir:${home.at("back")}`],
      { env },
    );
    assertEquals(
      Deno.readFileSync(home.at(`back/${layer}`)),
      Deno.readFileSync(home.at(`image/${layer}`)),
    );
  }

  it("logs in, writes an image, looks at it and reads it back, and logs out", async () => {
    using home = homeFor(registry.host);
    assertMatch(await logIn(home), /Login Succeeded/);
    assertEquals(home.holds(ada.password), false);
    const list = await run(["credential", "docker", "list"], { home });
    assertEquals(JSON.parse(list.stdout), { [registry.host]: "ada" });
    await pushAndPull(home, "stored");
    await run(["store", "rekey"], { home });
    const image = `docker://${registry.host}/stored:1`;
    await works(home, ["inspect", PLAIN_HTTP, image]);

    assertMatch(
      await works(home, ["login", "--get-login", registry.host]),
      /^ada\n$/,
    );
    await works(home, ["logout", registry.host]);
    const { code, stderr } = await call(home, ["inspect", PLAIN_HTTP, image]);
    assertEquals(code, 1);
    assertMatch(stderr, /authentication required|unauthorized/);
    assertEquals(home.holds(ada.password), false);
  });

  it("finds the helper by registries.conf, for every registry", async () => {
    using home = new Home();
    Deno.writeTextFileSync(
      home.at("registries.conf"),
      'credential-helpers = ["nanoctl"]\n',
    );
    assertMatch(await logIn(home), /Login Succeeded/);
    await pushAndPull(home, "everywhere");
    assertEquals(home.holds(ada.password), false);
  });

  it("refuses a wrong password, and nothing of it is kept", async () => {
    using home = homeFor(registry.host);
    const wrong = "a-wrong-password";
    const { code } = await call(
      home,
      [
        ...["login", PLAIN_HTTP, "--username", "ada", "--password-stdin"],
        registry.host,
      ],
      { stdin: wrong },
    );
    assertEquals(code, 1);
    const list = await run(["credential", "docker", "list"], { home });
    assertEquals(list.stdout, "{}\n");
  });

  it("gets the token of the provider that the service has for the registry", async () => {
    const answer = await fetch(`${service.url}/dev/external-auth/github`, {
      method: "PATCH",
      body: JSON.stringify({
        match: `https://${registry.host}/`,
        connected: true,
        access_token: oauth2.password,
      }),
    });
    assertEquals(answer.status, 200, await answer.text());
    using home = homeFor(registry.host);
    await service.logIn(home, service.token);
    await pushAndPull(home, "provided", service.env);
    assertEquals(home.holds(oauth2.password), false);
  });

  it("goes on without a login where the registry needs none and nobody is logged in", async () => {
    await using open = await Registry.start("none");
    using home = homeFor(open.host);
    await writeImage(home.at("image"));
    const image = `docker://${open.host}/open:1`;
    await works(home, [
      ...["copy", "--dest-tls-verify=false"],
      ...[`dir:${home.at("image")}`, image],
    ]);
    await works(home, ["inspect", PLAIN_HTTP, image]);
    assertEquals(home.entries().filter((path) => /nanoctl\//.test(path)), []);
  });

  it("has the stored login sent to the server that gives the registry its tokens", async () => {
    const authority = await Authority.create();
    const { cert, key } = await authority.issue();
    const signingKey = await importPKCS8(key, "ES256");
    const asked: string[] = [];
    await using tokens = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      async (request) => {
        asked.push(request.headers.get("authorization") ?? "nobody");
        if (asked.at(-1) !== `Basic ${btoa(`ada:${ada.password}`)}`) {
          return new Response(null, { status: 401 });
        }
        const access = new URL(request.url).searchParams.getAll("scope")
          .map((scope) => scope.split(":"))
          .map(([type, name, actions = ""]) => ({
            type,
            name,
            actions: actions.split(","),
          }));
        // As the registry's documentation has it, in spec/auth/jwt.
        const token = await new SignJWT({ access })
          .setProtectedHeader({
            alg: "ES256",
            typ: "JWT",
            x5c: [cert.replace(/-----.*-----|\s/g, "")],
          })
          .setIssuer("tokens")
          .setAudience("images")
          .setSubject("ada")
          .setIssuedAt()
          .setNotBefore("-1 minute")
          .setExpirationTime("5 minutes")
          .sign(signingKey);
        return Response.json({ token });
      },
    );
    await using guarded = await Registry.start({
      realm: `http://127.0.0.1:${tokens.addr.port}/token`,
      service: "images",
      issuer: "tokens",
      rootPem: authority.pem,
    });
    using home = homeFor(guarded.host);
    await writeImage(home.at("image"));
    const image = `docker://${guarded.host}/guarded:1`;
    const push = [
      ...["copy", "--dest-tls-verify=false"],
      ...[`dir:${home.at("image")}`, image],
    ];
    assertEquals((await call(home, push)).code, 1);
    assertEquals(new Set(asked), new Set(["nobody"]));
    await logIn(home, guarded.host);
    await works(home, push);
    await works(home, ["inspect", PLAIN_HTTP, image]);
    assertEquals(home.holds(ada.password), false);
  });

  it("says what is wrong where the service can't be asked", async () => {
    using home = homeFor(registry.host);
    const { code, stderr } = await call(
      home,
      ["inspect", PLAIN_HTTP, `docker://${registry.host}/stored:1`],
      {
        env: {
          NANOSERVICES_URL: deadUrl(),
          NANOSERVICES_TOKEN: service.token,
        },
      },
    );
    assertEquals(code, 1);
    assertMatch(stderr, /getting credentials.*: `.*refused/);
    assertMatch(stderr, /^error: .*refused/m);
    assertEquals(stderr.includes(service.token), false);
  });
});
