import { ContentInfo, SignedData } from "@peculiar/asn1-cms";
import { AsnConvert } from "@peculiar/asn1-schema";
import type { Cloud } from "../../src/dev_server/clouds/cloud.ts";
import type { DevServer } from "../../src/dev_server/server.ts";
import { type Answer, ask, send } from "./helpers.ts";

/** The wires of the exchange. */
export const WIRES = ["nanoservices", "coder"] as const;
export type Wire = typeof WIRES[number];

/** Asks a metadata service as an instance does, and gives the body for the exchange. */
export async function identityOf(
  server: DevServer,
  cloud: Cloud,
  audience: string = "nanoservices",
): Promise<Record<string, string>> {
  if (cloud === "aws") return await awsIdentity(server);
  if (cloud === "azure") {
    const { json } = await ask(
      server,
      "/metadata/attested/document?api-version=2020-09-01",
      { headers: { Metadata: "true" } },
    );
    return json;
  }
  const { text } = await ask(
    server,
    `/computeMetadata/v1/instance/service-accounts/default/identity?audience=${audience}&format=full`,
    { headers: { "Metadata-Flavor": "Google" } },
  );
  return { json_web_token: text };
}

async function awsIdentity(
  server: DevServer,
): Promise<{ document: string; signature: string }> {
  const prefix = "X-aws-ec2-metadata-token";
  const { text: token } = await ask(server, "/latest/api/token", {
    method: "PUT",
    headers: { [`${prefix}-ttl-seconds`]: "60" },
  });
  const [document, signature] = await Promise.all(
    ["document", "signature"].map(async (name) =>
      (await ask(server, `/latest/dynamic/instance-identity/${name}`, {
        headers: { [prefix]: token },
      })).text
    ),
  );
  return { document: document ?? "", signature: signature ?? "" };
}

/** Exchanges an identity for a session. */
export function exchange(
  server: DevServer,
  cloud: Cloud,
  body: unknown,
  wire: Wire = "nanoservices",
): Promise<Answer> {
  const prefix = wire === "coder" ? "/api/v2/workspaceagents" : "/v1/agents";
  return send(server, "POST", `${prefix}/${cloud}-instance-identity`, body);
}

/** An attested document as a library for CMS reads it. */
export function signedDataOf(signature: string): SignedData {
  const info = AsnConvert.parse(Uint8Array.fromBase64(signature), ContentInfo);
  return AsnConvert.parse(info.content, SignedData);
}
