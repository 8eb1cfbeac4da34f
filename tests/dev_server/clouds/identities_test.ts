import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  awsDocument,
  signAwsDocument,
} from "../../../src/dev_server/clouds/aws.ts";
import { signAzureDocument } from "../../../src/dev_server/clouds/azure.ts";
import {
  CLOUDS,
  IdentityRefused,
  INSTANCES,
} from "../../../src/dev_server/clouds/cloud.ts";
import { signGoogleToken } from "../../../src/dev_server/clouds/google.ts";
import {
  type Identity,
  InstanceIdentities,
} from "../../../src/dev_server/clouds/identities.ts";

const now = new Date("2030-01-01T00:00:00Z");
const identities = new InstanceIdentities(() => now);

/** Identities of any instance, by the service's own keys. */
const signed: {
  [C in keyof Identity]: (instance: string) => Promise<Identity[C]>;
} = {
  aws: async (instance) => {
    const document = awsDocument(instance, now);
    const key = await identities.key("aws");
    return { document, signature: await signAwsDocument(key, document) };
  },
  azure: async (instance) => {
    const key = await identities.key("azure");
    return await signAzureDocument(key, { vmId: instance, now });
  },
  google: async (instance) => ({
    json_web_token: await signGoogleToken(await identities.key("google"), {
      audience: "coder",
      instanceId: instance,
      full: true,
      now,
      created: now,
    }),
  }),
};

async function check<C extends keyof Identity>(
  cloud: C,
  instance: string,
): Promise<string> {
  const identity = await signed[cloud](instance);
  return await identities.check(cloud, identity, "coder");
}

for (const cloud of CLOUDS) {
  describe(`the instances of ${cloud}`, () => {
    it("are known by their id", async () => {
      assertEquals(await check(cloud, INSTANCES[cloud]), INSTANCES[cloud]);
    });

    for (const other of CLOUDS.filter((other) => other !== cloud)) {
      it(`are not known by the id of one of ${other}`, async () => {
        const error = await assertRejects(
          () => check(cloud, INSTANCES[other]),
          IdentityRefused,
        );
        assertStringIncludes(error.message, "no agent");
      });
    }

    it("are not known by another id", async () => {
      await assertRejects(
        () => check(cloud, `${INSTANCES[cloud]}0`),
        IdentityRefused,
        "no agent",
      );
    });

    it("have one key, however many ask for it at once", async () => {
      const fresh = new InstanceIdentities(() => now);
      const [one, other] = await Promise.all([
        fresh.key(cloud),
        fresh.key(cloud),
      ]);
      assertEquals(one === other, true);
    });
  });
}
