import { assert, assertEquals, assertFalse } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  type Hop,
  isRedirect,
  nextHop,
  REDIRECTS,
  tooManyRedirects,
} from "../../src/http/redirect.ts";
import { thrownBy } from "../support/fake_context.ts";

function hop(change: Partial<Hop> = {}): Hop {
  return {
    url: new URL("https://api.example/v1/me?a=b"),
    method: "GET",
    body: undefined,
    trusted: true,
    ...change,
  };
}

function redirect(location: string, status = 302): Response {
  return new Response(null, { status, headers: { location } });
}

const REDIRECT_HINT =
  "that is perhaps a sign-in page or a captive portal: open the service's URL in a browser and sign in there, or check --url and the network";

describe("the hint at a redirect that is not followed", () => {
  const post = { method: "POST", body: "{}" };
  const cases: [change: Partial<Hop>, location: string, isPerhaps: boolean][] =
    [
      [{}, "http://login.example/", true],
      [{}, "http://api.example/", false],
      [post, "https://login.example/", true],
      [post, "https://api.example:8443/", false],
    ];
  for (const [change, location, isPerhaps] of cases) {
    it(`of a ${change.method ?? "GET"} to ${location} ${isPerhaps ? "speaks" : "does not speak"} of a sign-in page`, () => {
      const error = thrownBy(() =>
        nextHop(hop(change), redirect(location, 307))
      );
      assertEquals(
        [error.code, error.hint],
        [
          "redirect_refused",
          isPerhaps ? REDIRECT_HINT : "check the URL of the service",
        ],
      );
    });
  }
});

describe("isRedirect", () => {
  for (const status of [301, 302, 303, 307, 308]) {
    it(`says yes to ${status} with a Location`, () => {
      assert(isRedirect(redirect("/", status)));
    });

    it(`says no to ${status} without a Location`, () => {
      assertFalse(isRedirect(new Response(null, { status })));
    });
  }

  for (const status of [200, 201, 204, 300, 304, 305, 401, 503]) {
    it(`says no to ${status}, Location or not`, () => {
      assertFalse(isRedirect(redirect("/", status)));
    });
  }
});

describe("nextHop", () => {
  const methods: [status: number, method: string, next: string][] = [
    [301, "GET", "GET"],
    [301, "HEAD", "HEAD"],
    [301, "POST", "GET"],
    [301, "PUT", "PUT"],
    [302, "GET", "GET"],
    [302, "POST", "GET"],
    [302, "DELETE", "DELETE"],
    [303, "GET", "GET"],
    [303, "HEAD", "HEAD"],
    [303, "POST", "GET"],
    [303, "PUT", "GET"],
    [303, "DELETE", "GET"],
    [307, "GET", "GET"],
    [307, "POST", "POST"],
    [308, "POST", "POST"],
    [308, "PATCH", "PATCH"],
  ];
  for (const [status, method, next] of methods) {
    const keeps = method === next && method !== "GET" && method !== "HEAD";
    it(`makes ${next} of ${method} at ${status}, ${keeps ? "with" : "without"} its body`, () => {
      const body = method === "GET" || method === "HEAD" ? undefined : "{}";
      const made = nextHop(hop({ method, body }), redirect("/there", status));
      assertEquals(made.method, next);
      assertEquals(made.body, keeps ? "{}" : undefined);
    });
  }

  const targets: [what: string, location: string, url: string][] = [
    ["an absolute URL", "https://api.example/x", "https://api.example/x"],
    ["an absolute path", "/x?y=z", "https://api.example/x?y=z"],
    ["a relative path", "you", "https://api.example/v1/you"],
    ["a query alone", "?c=d", "https://api.example/v1/me?c=d"],
    ["no scheme", "//other.example/x", "https://other.example/x"],
    ["an empty Location", "", "https://api.example/v1/me?a=b"],
  ];
  for (const [what, location, url] of targets) {
    it(`follows ${what}`, () => {
      assertEquals(nextHop(hop(), redirect(location)).url.href, url);
    });
  }

  const origins: [what: string, location: string, trusted: boolean][] = [
    ["the same origin", "/x", true],
    [
      "the same origin with its port spelled out",
      "https://api.example:443/x",
      true,
    ],
    ["another host", "https://other.example/", false],
    ["a host below it", "https://www.api.example/", false],
    ["another port", "https://api.example:8443/", false],
    ["another host without a scheme", "//other.example/", false],
    ["another host, spelled with backslashes", "\\\\other.example/", false],
  ];
  for (const [what, location, trusted] of origins) {
    it(`${trusted ? "keeps" : "drops"} the credentials to ${what}`, () => {
      assertEquals(nextHop(hop(), redirect(location)).trusted, trusted);
    });
  }

  it("drops the credentials from http to https: that is another origin", () => {
    const from = hop({ url: new URL("http://api.example/") });
    const next = nextHop(from, redirect("https://api.example/"));
    assertEquals(next.url.href, "https://api.example/");
    assertFalse(next.trusted);
  });

  it("never trusts again on the way back", () => {
    const away = nextHop(hop(), redirect("https://other.example/"));
    const back = nextHop(away, redirect("https://api.example/v1/me"));
    assertEquals(back.url.origin, "https://api.example");
    assertFalse(back.trusted);
  });

  it("does not come to trust another origin that redirects within itself", () => {
    const away = nextHop(hop(), redirect("https://other.example/"));
    const within = nextHop(away, redirect("/deeper"));
    assertEquals(within.url.href, "https://other.example/deeper");
    assertFalse(within.trusted);
  });

  it("refuses to take a body to another origin", () => {
    const from = hop({ method: "POST", body: '{"a":"hidden"}' });
    const error = thrownBy(() =>
      nextHop(from, redirect("https://other.example/", 307))
    );
    assertEquals(error.code, "redirect_refused");
    assertEquals(
      error.message,
      "https://api.example redirects to https://other.example with a request that has a body, which is not followed",
    );
  });

  it("goes to another origin where the body is dropped anyway", () => {
    const from = hop({ method: "POST", body: "{}" });
    const next = nextHop(from, redirect("https://other.example/", 303));
    assertEquals([next.method, next.body], ["GET", undefined]);
  });

  const refused: [what: string, location: string][] = [
    ["from https to http", "http://api.example/"],
    ["from https to http elsewhere", "http://other.example/"],
    ["to a file", "file:///etc/passwd"],
    ["to ftp", "ftp://api.example/"],
    ["to a script", "javascript:alert(1)"],
    ["to data", "data:application/json,{}"],
    ["to a user name", "https://ada@other.example/"],
    ["to a password on its own origin", "https://:pw@api.example/"],
    ["to a port that is none", "https://api.example:99999/"],
    ["to no host", "https://"],
  ];
  for (const [what, location] of refused) {
    it(`refuses to go ${what}`, () => {
      const error = thrownBy(() => nextHop(hop(), redirect(location)));
      assertEquals(error.code, "redirect_refused");
      assertEquals(error.exitCode, 6);
    });
  }

  it("refuses other schemes from plain http too", () => {
    const from = hop({ url: new URL("http://127.0.0.1:7080/") });
    const error = thrownBy(() => nextHop(from, redirect("file:///etc/passwd")));
    assertEquals(error.code, "redirect_refused");
  });

  it("does not repeat a Location that it refuses: it may hold a secret", () => {
    for (const [, location] of refused) {
      const url = location.replace(/\/?$/, "/?token=nano_hidden");
      const from = redirect(url);
      const next = (): unknown => nextHop(hop(), from);
      if (URL.canParse(url) && new URL(url).protocol === "data:") continue;
      assertFalse(thrownBy(next).message.includes("nano_hidden"), url);
    }
  });
});

describe("tooManyRedirects", () => {
  it("names the limit and the origin, not the whole URL", () => {
    const error = tooManyRedirects(new URL("https://api.example/x?token=t"));
    assertEquals(error.code, "redirect_refused");
    assertEquals(
      error.message,
      `https://api.example redirects more than ${REDIRECTS} times, which is not followed`,
    );
  });
});
