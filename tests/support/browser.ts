import { afterAll, beforeAll } from "@std/testing/bdd";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { Home } from "./nanoctl.ts";
import { describeNeeding } from "./needs.ts";
import { isFile } from "../../scripts/process.ts";

/** The path in Debian's package. */
const CHROMIUM = "/usr/bin/chromium";

/**
 * A suite that needs Chromium. Without Chromium it is skipped, and says so in its
 * name; in CI it fails.
 */
export function describeWithChromium(name: string, fn: () => void): void {
  const missing = isFile(CHROMIUM) ? undefined : `there is no ${CHROMIUM}`;
  describeNeeding(missing, name, fn);
}

/** Chromium for a suite, from its first test to its last. */
export function chromiumOfSuite(): () => Browser {
  const home = new Home();
  let browser: Browser | undefined;
  beforeAll(async () => {
    browser = await startChromium(home);
  });
  afterAll(async () => {
    await browser?.close();
    home[Symbol.dispose]();
  });
  return () => {
    if (browser) return browser;
    throw new Error("Chromium has not started");
  };
}

/** Starts Chromium so that it can reach only this machine. */
async function startChromium(home: Home): Promise<Browser> {
  if (!isFile(CHROMIUM)) {
    throw new Error(`there is no ${CHROMIUM}: install Debian's chromium`);
  }
  const { chromium } = await import("playwright-core");
  return await chromium.launch({
    executablePath: CHROMIUM,
    // Chromium's sandbox refuses to run as root, as CI does.
    chromiumSandbox: Deno.uid() !== 0,
    env: { HOME: home.path },
    args: [
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
      "--no-proxy-server",
    ],
  });
}

/** A page in its own session, with its requests and complaints. */
export class Visit {
  /** The distinct origins of its requests. */
  readonly origins = new Set<string>();
  /** Console messages, exceptions and dialogs. */
  readonly complaints: string[] = [];

  private constructor(readonly page: Page) {
    page.on("request", (sent) => this.origins.add(new URL(sent.url()).origin));
    page.on("console", (message) => this.complaints.push(message.text()));
    page.on("pageerror", (error) => this.complaints.push(String(error)));
    page.on("dialog", async (dialog) => {
      this.complaints.push(dialog.message());
      await dialog.dismiss();
    });
  }

  /** Opens an empty page. */
  static async begin(
    browser: Browser,
    options: BrowserContextOptions = {},
  ): Promise<Visit> {
    const context = await browser.newContext(options);
    return new Visit(await context.newPage());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.page.context().close();
  }
}
