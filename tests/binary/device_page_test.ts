import { assertEquals, assertMatch } from "@std/assert";
import { afterEach, beforeEach, it } from "@std/testing/bdd";
import {
  chromiumOfSuite,
  describeWithChromium,
  Visit,
} from "../support/browser.ts";
import { Home, run } from "../support/nanoctl.ts";
import { startLogin } from "../support/oauth_servers.ts";
import { Service } from "../support/service.ts";

describeWithChromium("the page of a device login in Chromium", () => {
  const chromium = chromiumOfSuite();
  let service: Service;

  beforeEach(async () => {
    service = await Service.start();
  });
  afterEach(() => service.stop());

  const choices: [button: string, heading: string, exit: number][] = [
    ["Approve", "The login is approved", 0],
    ["Deny", "The login is denied", 4],
  ];
  for (const [button, heading, exit] of choices) {
    it(`ends the login with exit ${exit} at a click on ${button}`, async () => {
      using home = new Home();
      const { child, device } = await startLogin({ issuer: service.url }, home);
      await using visit = await Visit.begin(chromium());
      const { page } = visit;
      await page.goto(device.verification_uri_complete ?? "no address");
      // Ada compares it with the code that her device shows.
      await page.getByText(device.user_code, { exact: true }).waitFor();
      await page.getByRole("button", { name: button, exact: true }).click();
      await page.getByRole("heading", { name: heading, exact: true }).waitFor();
      assertEquals((await child.end()).code, exit);
      assertEquals([...visit.origins], [service.url]);
      assertEquals(visit.complaints, []);
      const { code, stdout } = await run(["whoami"], { home });
      assertEquals([code, stdout], exit === 0 ? [0, "ada\n"] : [3, ""]);
    });
  }

  it("takes the code that is typed into it", async () => {
    using home = new Home();
    const { child, device } = await startLogin({ issuer: service.url }, home);
    await using visit = await Visit.begin(chromium());
    const { page } = visit;
    await page.goto(device.verification_uri);
    await page.getByLabel("Code").fill(device.user_code.toLowerCase());
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Approve", exact: true }).click();
    const { code, stdout } = await child.end();
    assertEquals(code, 0);
    assertMatch(stdout, /"username":"ada"/);
  });
});
