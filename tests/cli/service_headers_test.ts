import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { serviceHeaders } from "../../src/cli/session/service_headers.ts";
import { withoutSecrets } from "../../src/secret.ts";
import { coder } from "../../src/services/coder.ts";
import { nanoservices } from "../../src/services/nanoservices.ts";
import { FakeContext, thrownBy } from "../support/fake_context.ts";

function found(
  header: string[],
  variable?: string,
  service = coder,
): string[] {
  const env = variable === undefined ? {} : { CODER_HEADER: variable };
  return serviceHeaders(new FakeContext({ env }), { header }, service)
    .map(({ name, value, source }) => `${name}: ${value} (${source})`);
}

describe("the headers of every request", () => {
  it("are those of the option, each one or several as CSV", () => {
    assertEquals(found(["a=1", " b = two ", "c=3,d=4"]), [
      "a: 1 (--header)",
      "b: two (--header)",
      "c: 3 (--header)",
      "d: 4 (--header)",
    ]);
    assertEquals(found(['"a=1,2"', '"b=say ""hi"""', "c="]), [
      "a: 1,2 (--header)",
      'b: say "hi" (--header)',
      "c:  (--header)",
    ]);
  });

  it("are those of CODER_HEADER, where the service is Coder", () => {
    assertEquals(found([], "a=1,b=2"), [
      "a: 1 (CODER_HEADER)",
      "b: 2 (CODER_HEADER)",
    ]);
    assertEquals(found([], "a=1", nanoservices), []);
    assertEquals(found([], ""), []);
  });

  it("are the option's where both give one of a name", () => {
    assertEquals(found(["A=new"], "a=old,b=2"), [
      "A: new (--header)",
      "b: 2 (CODER_HEADER)",
    ]);
  });

  it("are secrets", () => {
    found(["cf-access-client-secret=0123456789abcdef"]);
    assertEquals(withoutSecrets("is 0123456789abcdef"), "is [secret]");
  });

  for (
    const bad of [
      "hunter2",
      "=hunter2",
      "a b=hunter2",
      "a=hunter2\n",
      'a="hunter2',
      '"a=hunter2" ',
      "a=1,hunter2",
      "a=hunter2,",
    ]
  ) {
    it(`are refused for ${JSON.stringify(bad)}, which is not repeated`, () => {
      for (const [header, variable] of [[[bad]], [[], bad]] as const) {
        const error = thrownBy(() => found([...header], variable));
        assertEquals(error.code, "usage");
        assert(!`${error.message}${error.hint}`.includes("hunter2"));
      }
    });
  }

  it("are refused where nanoctl sets them itself", () => {
    for (const name of ["Host", "content-length", "Coder-Session-Token"]) {
      assertEquals(
        thrownBy(() => found([`${name}=hunter2`])).message,
        `--header can't give the header ${name}: nanoctl sets it itself`,
      );
    }
    assertEquals(found(["authorization=Basic x"]).length, 1);
    const error = thrownBy(() =>
      found(["authorization=Basic x"], undefined, nanoservices)
    );
    assertEquals(error.code, "usage");
  });
});
