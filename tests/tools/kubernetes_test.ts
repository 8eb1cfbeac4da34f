import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Secret } from "../../src/secret.ts";
import { execCredential, execVersion } from "../../src/tools/kubernetes.ts";
import { thrownBy } from "../support/fake_context.ts";

const V1 = "client.authentication.k8s.io/v1";
const V1_BETA_1 = "client.authentication.k8s.io/v1beta1";

describe("the version of an ExecCredential", () => {
  for (const version of [V1, V1_BETA_1]) {
    it(`is the one that is asked for: ${version}`, () => {
      const info = {
        kind: "ExecCredential",
        apiVersion: version,
        spec: { interactive: false },
      };
      assertEquals(execVersion(JSON.stringify(info)), version);
    });
  }

  for (const info of [undefined, ""]) {
    it(`is v1 where nothing is asked for: ${JSON.stringify(info)}`, () => {
      assertEquals(execVersion(info), V1);
    });
  }

  const refused: [info: string, message: string][] = [
    [
      '{"apiVersion":"client.authentication.k8s.io/v1alpha1"}',
      "KUBERNETES_EXEC_INFO asks for the version client.authentication.k8s.io/v1alpha1, which nanoctl does not know",
    ],
    [
      '{"apiVersion":"v1"}',
      "KUBERNETES_EXEC_INFO asks for the version v1, which nanoctl does not know",
    ],
    ...["{", "[]", "null", "{}", '{"apiVersion":1}', '"v1"', " "].map((
      info,
    ): [string, string] => [
      info,
      "KUBERNETES_EXEC_INFO is not what a Kubernetes client writes there",
    ]),
  ];
  for (const [info, message] of refused) {
    it(`can't be found in ${JSON.stringify(info)}`, () => {
      const error = thrownBy(() => execVersion(info));
      assertEquals([error.code, error.message, error.hint], [
        "usage",
        message,
        `the apiVersion can be ${V1} or ${V1_BETA_1}`,
      ]);
    });
  }
});

describe("an ExecCredential", () => {
  const secret = new Secret("nano_1");

  it("has the token, and no expiry where nobody knows one", () => {
    assertEquals(execCredential(V1, { secret }), {
      apiVersion: V1,
      kind: "ExecCredential",
      status: { token: "nano_1" },
    });
  });

  it("has the expiry in whole seconds, rounded down", () => {
    const expiresAt = new Date("2026-01-15T12:00:59.999Z");
    assertEquals(execCredential(V1_BETA_1, { secret, expiresAt }), {
      apiVersion: V1_BETA_1,
      kind: "ExecCredential",
      status: { expirationTimestamp: "2026-01-15T12:00:59Z", token: "nano_1" },
    });
  });
});
