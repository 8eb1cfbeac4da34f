import { assert, assertEquals, assertMatch } from "@std/assert";
import { afterEach, beforeEach, it } from "@std/testing/bdd";
import type { Page } from "playwright-core";
import {
  chromiumOfSuite,
  describeWithChromium,
  Visit,
} from "../support/browser.ts";
import type { Result } from "../support/nanoctl.ts";
import { StrangeServer } from "../support/servers.ts";
import { Service } from "../support/service.ts";

const ACCESS_TOKEN = ["external-auth", "access-token", "github"];

describeWithChromium("the consent page in Chromium", () => {
  const chromium = chromiumOfSuite();
  let service: Service;

  beforeEach(async () => {
    service = await Service.start();
  });
  afterEach(() => service.stop());

  /** The command that a script in a workspace runs. */
  function accessToken(): Promise<Result> {
    const env = { NANOSERVICES_AGENT_TOKEN: service.agentToken };
    return service.run(ACCESS_TOKEN, undefined, env);
  }

  /** Asserts that someone must authenticate first, and gives the page for it. */
  async function printedUrl(): Promise<string> {
    const { code, stdout } = await accessToken();
    assertEquals([code, stdout], [1, `${service.url}/external-auth/github\n`]);
    return stdout.trim();
  }

  async function assertToken(): Promise<void> {
    const { code, stdout } = await accessToken();
    assertEquals(code, 0);
    assertMatch(stdout, /^gho_[0-9A-Za-z]{36}\n$/);
  }

  for (const javaScriptEnabled of [false, true]) {
    const how = javaScriptEnabled ? "with JavaScript" : "without JavaScript";

    it(`connects at a click, and disconnects, ${how}`, async () => {
      await using visit = await Visit.begin(chromium(), { javaScriptEnabled });
      const { page } = visit;
      const url = await printedUrl();
      await page.goto(url);
      await button(page, "Connect GitHub").click();
      await heading(page, "GitHub is connected").waitFor();
      assertEquals(page.url(), url);
      await assertToken();
      await page.reload();
      await heading(page, "GitHub is connected").waitFor();
      await button(page, "Disconnect GitHub").click();
      await heading(page, "Connect GitHub").waitFor();
      assertEquals(await printedUrl(), url);
      assertEquals([...visit.origins], [service.url]);
      assertEquals(visit.complaints, []);
    });

    it(`can be used by the keyboard alone, ${how}`, async () => {
      await using visit = await Visit.begin(chromium(), { javaScriptEnabled });
      const { page } = visit;
      await page.goto(await printedUrl());
      await page.keyboard.press("Tab");
      assertEquals(await page.locator(":focus").innerText(), "Connect GitHub");
      await page.keyboard.press("Enter");
      await heading(page, "GitHub is connected").waitFor();
      await assertToken();
    });

    it(`says what it is to a screen reader, ${how}`, async () => {
      await using visit = await Visit.begin(chromium(), { javaScriptEnabled });
      const { page } = visit;
      await page.goto(await printedUrl());
      for (const title of ["Connect GitHub", "GitHub is connected"]) {
        assertEquals(await page.locator("html").getAttribute("lang"), "en");
        assertEquals(await page.title(), title);
        assertEquals(await page.getByRole("main").count(), 1);
        const headings = page.getByRole("heading", { level: 1 });
        assertEquals(await headings.allInnerTexts(), [title]);
        assertEquals(await page.getByRole("button").count(), 1);
        if (title !== "Connect GitHub") break;
        const terms = await page.getByRole("term").allInnerTexts();
        assertEquals(terms, ["Who asks", "What for"]);
        await button(page, "Connect GitHub").click();
      }
      const status = await page.getByRole("status").innerText();
      assertMatch(status, /access token for GitHub/);
    });

    it(`refuses the form of a page of another origin, ${how}`, async () => {
      await using own = await Visit.begin(chromium(), { javaScriptEnabled });
      const url = await printedUrl();
      await own.page.goto(url);
      // Even one that somehow learned the token of a form.
      const field = own.page.locator("[name=form_token]");
      const token = await field.getAttribute("value") ?? "";
      assertMatch(token, /^\w{32}$/);
      await using attacker = page(`<form method="post" action="${url}">
        <input type="hidden" name="form_token" value="${token}">
        <button name="choice" value="connect">Win a prize</button></form>`);
      await using visit = await Visit.begin(chromium(), { javaScriptEnabled });
      await visit.page.goto(attacker.url);
      const [answer] = await Promise.all([
        visit.page.waitForResponse(url),
        button(visit.page, "Win a prize").click(),
      ]);
      assertEquals(answer.status(), 403);
      assertEquals((await answer.json()).code, "forbidden");
      await printedUrl();
      // The form itself is still good.
      await button(own.page, "Connect GitHub").click();
      await heading(own.page, "GitHub is connected").waitFor();
    });
  }

  it("is not reached by a script of another origin", async () => {
    const url = await printedUrl();
    await using attacker = page("<h1>Hello</h1>");
    await using visit = await Visit.begin(chromium());
    await visit.page.goto(attacker.url);
    const seen = await visit.page.evaluate(async (url) => {
      const body = new URLSearchParams({ choice: "connect" });
      const init = { method: "POST", mode: "no-cors", body } as const;
      const { type } = await fetch(url, init);
      const read = await fetch(url).then(() => "read", () => "kept out");
      return [type, read];
    }, url);
    assertEquals(seen, ["opaque", "kept out"]);
    await printedUrl();
  });

  it("is not shown in a frame of another origin", async () => {
    const url = await printedUrl();
    await using attacker = page(`<iframe src="${url}"></iframe>`);
    await using visit = await Visit.begin(chromium());
    await visit.page.goto(attacker.url);
    assert(visit.origins.has(service.url));
    const framed = visit.page.frameLocator("iframe");
    assertEquals(await framed.getByRole("button").count(), 0);
    assert(visit.complaints.some((text) => text.includes("frame")));
  });

  it("shows a name with markup as it is", async () => {
    const name = "<img src=x onerror=alert(1)><script>alert(2)</script>";
    const changed = await fetch(`${service.url}/dev/external-auth/github`, {
      method: "PATCH",
      body: JSON.stringify({ name }),
    });
    assertEquals((await changed.json()).name, name);
    await using visit = await Visit.begin(chromium());
    const { page } = visit;
    await page.goto(await printedUrl());
    await button(page, `Connect ${name}`).click();
    await heading(page, `${name} is connected`).waitFor();
    assertEquals(await page.locator("img, script").count(), 0);
    assertEquals(visit.complaints, []);
  });

  it("can be read on a narrow screen, in light and in dark", async () => {
    await using visit = await Visit.begin(chromium(), {
      viewport: { width: 320, height: 640 },
    });
    const { page } = visit;
    await page.goto(await printedUrl());
    for (
      const [colorScheme, ink] of [
        ["light", "rgb(0, 0, 0)"],
        ["dark", "rgb(255, 255, 255)"],
      ] as const
    ) {
      await page.emulateMedia({ colorScheme });
      // As text: the test itself has no types of a browser.
      const seen = await page.evaluate(`({
        ink: getComputedStyle(document.body).color,
        isTooWide: document.documentElement.scrollWidth > innerWidth,
      })`);
      assertEquals(seen, { ink, isTooWide: false });
    }
  });

  it("is a page of its own where there is no such provider", async () => {
    await using visit = await Visit.begin(chromium(), {
      javaScriptEnabled: false,
    });
    const { page } = visit;
    const answer = await page.goto(`${service.url}/external-auth/gitlab`);
    assertEquals(answer?.status(), 404);
    await heading(page, "There is no such provider").waitFor();
    await page.getByRole("link").click();
    await heading(page, "nanoctl dev-server").waitFor();
  });
});

function button(page: Page, name: string): ReturnType<Page["locator"]> {
  return page.getByRole("button", { name, exact: true });
}

function heading(page: Page, name: string): ReturnType<Page["locator"]> {
  return page.getByRole("heading", { name, level: 1, exact: true });
}

/** A page of another origin: another port of this machine. */
function page(body: string): StrangeServer {
  const headers = { "Content-Type": "text/html" };
  return new StrangeServer(() => new Response(body, { headers }));
}
