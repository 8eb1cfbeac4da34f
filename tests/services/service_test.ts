import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { namedServiceOf } from "../../src/cli/session/services.ts";
import { BUILT_IN } from "../../src/services/builtin/index.ts";
import { BUILT_IN_URLS } from "../../src/services/builtin/urls.ts";
import {
  DEFAULT_SERVICE,
  SERVICE_NAMES,
  serviceAt,
} from "../../src/services/names.ts";
import { loadService } from "../../src/services/registry.ts";
import { FakeContext, rejectionOf } from "../support/fake_context.ts";

describe("the services", () => {
  const context = new FakeContext();

  for (const name of SERVICE_NAMES) {
    it(`has one that is called ${name}, as it calls itself`, async () => {
      assertEquals(await namedServiceOf(context, name), name);
      assertEquals((await loadService(name)).name, name);
    });
  }

  it("is nanoservices where none is named", () => {
    assertEquals(DEFAULT_SERVICE, "nanoservices");
  });

  it("does not repeat a name that may be a token", async () => {
    for (const name of ["", "nano_0123456789", "x".repeat(40)]) {
      const { message } = await rejectionOf(namedServiceOf(context, name));
      assertEquals(message, "there is no such service");
    }
  });

  for (const name of ["Nanoservices", "toString", "git-hub"]) {
    it(`does not have ${JSON.stringify(name)}, and says which there are`, async () => {
      const error = await rejectionOf(namedServiceOf(context, name));
      assertEquals([error.code, error.exitCode, error.message, error.hint], [
        "usage",
        2,
        `there is no service ${name}`,
        `the services are: ${
          SERVICE_NAMES.join(", ")
        }; 'nanoctl service add' adds another`,
      ]);
    });
  }

  for (const [name, load] of Object.entries(BUILT_IN)) {
    it(`knows ${name} by its URL, which is the one of its description`, async () => {
      const { url } = await load();
      assertEquals(BUILT_IN_URLS[name], url);
      if (url !== undefined) assertEquals(serviceAt(url), name);
    });
  }
});
