import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { DEFAULT_SERVICE, SERVICE_NAMES } from "../../src/services/names.ts";
import { knownService, loadService } from "../../src/services/registry.ts";
import { thrownBy } from "../support/fake_context.ts";

describe("the services", () => {
  for (const name of SERVICE_NAMES) {
    it(`has one that is called ${name}, as it calls itself`, async () => {
      assertEquals(knownService(name), name);
      assertEquals((await loadService(name)).name, name);
    });
  }

  it("is nanoservices where none is named", () => {
    assertEquals(DEFAULT_SERVICE, "nanoservices");
  });

  it("does not repeat a name that may be a token", () => {
    for (const name of ["", "nano_0123456789", "x".repeat(40)]) {
      const { message } = thrownBy(() => knownService(name));
      assertEquals(message, "there is no such service");
    }
  });

  for (const name of ["Nanoservices", "toString", "github"]) {
    it(`does not have ${JSON.stringify(name)}, and says which there are`, () => {
      const error = thrownBy(() => knownService(name));
      assertEquals([error.code, error.exitCode, error.message, error.hint], [
        "usage",
        2,
        `there is no service ${name}`,
        `the services are: ${SERVICE_NAMES.join(", ")}`,
      ]);
    });
  }
});
