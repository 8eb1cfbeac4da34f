import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Secret } from "../../src/secret.ts";
import {
  DockerRefusal,
  hostIn,
  notFound,
  readAction,
  readLogin,
  readServer,
  writeList,
  writeLogin,
  writeVersion,
} from "../../src/tools/docker.ts";
import { thrownBy } from "../support/fake_context.ts";

/** What docker is told instead. */
function refusal(work: () => unknown): string {
  return assertThrows(work, DockerRefusal).message;
}

const HUB = "https://index.docker.io/v1/";

describe("docker's protocol", () => {
  it("has five actions", () => {
    for (const action of ["store", "get", "erase", "list", "version"]) {
      assertEquals<string>(readAction(action), action);
    }
    assertEquals(
      refusal(() => readAction("login")),
      "docker-credential-nanoctl: unknown action: login",
    );
  });

  it("stores a login with all its parts", () => {
    const text = JSON.stringify(
      { ServerURL: HUB, Username: "ada", Secret: 'p"\\ü\n' },
      null,
      2,
    );
    const { server, username, secret } = readLogin(`${text}\n`);
    assertEquals([server, username, secret.reveal()], [HUB, "ada", 'p"\\ü\n']);
  });

  it("names what is missing as docker's own helpers do", () => {
    const cases: [login: Record<string, string>, message: string][] = [
      [{}, "no credentials server URL"],
      [{ Username: "ada", Secret: "x" }, "no credentials server URL"],
      [{ ServerURL: "", Username: "" }, "no credentials server URL"],
      [{ ServerURL: HUB, Secret: "x" }, "no credentials username"],
      [{ ServerURL: HUB, Username: "" }, "no credentials username"],
    ];
    for (const [login, message] of cases) {
      assertEquals(refusal(() => readLogin(JSON.stringify(login))), message);
    }
    for (const text of ["", " ", "\r\n\n"]) {
      assertEquals(
        refusal(() => readServer(text)),
        "no credentials server URL",
      );
    }
    assertEquals(
      notFound().message,
      "credentials not found in native keychain",
    );
  });

  it("takes nothing else for a login, and does not repeat it", () => {
    const secret = "a-secret-that-is-cut-off";
    for (
      const text of [
        "",
        "null",
        "[]",
        `"${secret}"`,
        `{"ServerURL":"${HUB}","Username":"ada","Secret":"${secret}`,
        `{"ServerURL":1,"Username":"ada","Secret":"${secret}"}`,
        `{"ServerURL":"${HUB}","Username":"ada","Secret":["${secret}"]}`,
      ]
    ) {
      const error = thrownBy(() => readLogin(text));
      assertEquals(error.code, "usage");
      assertEquals(`${error.message}${error.hint}`.includes(secret), false);
    }
  });

  it("reads a server on one line or on several, without white space around it", () => {
    for (
      const text of [
        HUB,
        `${HUB}\n`,
        ` ${HUB}\r\n`,
        "https://index\n.docker.io/v1/",
      ]
    ) {
      assertEquals(readServer(text), HUB);
    }
  });

  it("answers as Go's encoding/json writes, byte for byte", () => {
    const secret = new Secret('<&>\u2028ü"\\\n');
    assertEquals(
      writeLogin({ server: HUB, username: "<token>", secret }),
      `{"ServerURL":"${HUB}","Username":"\\u003ctoken\\u003e",` +
        `"Secret":"\\u003c\\u0026\\u003e\\u2028ü\\"\\\\\\n"}`,
    );
  });

  it("lists in the order that it is given, whatever the names", () => {
    assertEquals(writeList([]), "{}");
    assertEquals(
      writeList([["b", "ada"], ["10", "grace"], ["__proto__", "<a>"]]),
      '{"b":"ada","10":"grace","__proto__":"\\u003ca\\u003e"}',
    );
  });

  it("says name, package and version", () => {
    assertEquals(
      writeVersion("1.2.3"),
      "docker-credential-nanoctl (nanoctl) 1.2.3",
    );
  });

  it("takes a bare host for https, and looks for the host alone", () => {
    const cases: [server: string, url: string | undefined][] = [
      ["ghcr.io", "https://ghcr.io/"],
      ["ghcr.io/example", "https://ghcr.io/example"],
      ["localhost:5000", "https://localhost:5000/"],
      ["[::1]:5000", "https://[::1]:5000/"],
      [HUB, HUB],
      ["http://127.0.0.1:5000", "http://127.0.0.1:5000/"],
      ["https://me:pass@ghcr.io/?a=b#c", "https://ghcr.io/"],
      ["not a host", undefined],
      ["https://", undefined],
    ];
    for (const [server, url] of cases) {
      const host = hostIn(server);
      assertEquals(
        host && `${host.protocol}://${host.host}/${host.path}`,
        url,
        server,
      );
    }
  });
});
