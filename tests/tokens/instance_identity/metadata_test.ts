import { assertEquals, assertFalse } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { NanoctlError } from "../../../src/errors.ts";
import { HttpClient } from "../../../src/http/client.ts";
import type { IdentityProof } from "../../../src/services/service.ts";
import {
  AWS_METADATA,
  awsProof,
} from "../../../src/tokens/instance_identity/aws.ts";
import {
  AZURE_METADATA,
  azureProof,
} from "../../../src/tokens/instance_identity/azure.ts";
import { METADATA_TIMEOUT_SECONDS } from "../../../src/tokens/instance_identity/exchange.ts";
import type { GetProof } from "../../../src/tokens/instance_identity/proof.ts";
import {
  GOOGLE_METADATA,
  googleProof,
} from "../../../src/tokens/instance_identity/google.ts";
import { metadataUrl } from "../../../src/tokens/instance_identity/metadata.ts";
import {
  type Answer,
  FakeContext,
  networkFailure,
  never,
  rejectionOf,
  type SentRequest,
  status,
  thrownBy,
} from "../../support/fake_context.ts";

const JWT = "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJuYW5vc2VydmljZXMifQ.c2ln";
const PROOFS: Record<string, GetProof> = {
  aws: awsProof,
  azure: azureProof,
  google: googleProof,
};

/** Answers by the path that is asked for. */
function byPath(texts: Record<string, string>): Answer {
  return ({ url }) => {
    const text = texts[new URL(url).pathname];
    return text === undefined
      ? new Response("no such path", { status: 404 })
      : new Response(text);
  };
}

function awsSays(change: Record<string, string> = {}): Answer {
  return byPath({
    "/latest/api/token": "imds-1",
    "/latest/dynamic/instance-identity/signature": "c2ln\nbmF0",
    "/latest/dynamic/instance-identity/document": '{\n  "a" : "b"\n}\n',
    ...change,
  });
}

interface Asked {
  context: FakeContext;
  /** The URLs for which a client was asked. */
  urls: string[];
  proof: Promise<IdentityProof>;
}

/** Gets a proof from a scripted metadata service, whatever URL it is at. */
function ask(
  getProof: GetProof,
  answer: Answer,
  env: Record<string, string> = {},
): Asked {
  const context = new FakeContext({ answer, env });
  const urls: string[] = [];
  const metadata = (baseUrl: string): HttpClient => {
    urls.push(baseUrl);
    return new HttpClient({
      context,
      baseUrl,
      present: () => {
        throw new Error("a metadata service takes no token");
      },
      timeoutSeconds: METADATA_TIMEOUT_SECONDS,
      attempts: 1,
      redirects: 0,
      bodyLimit: 64 * 1024,
    });
  };
  return {
    context,
    urls,
    proof: getProof(metadata, context.env, "nanoservices"),
  };
}

function errorFrom(getProof: GetProof, answer: Answer): Promise<NanoctlError> {
  return rejectionOf(ask(getProof, answer).proof);
}

function line({ method, url }: SentRequest): string {
  return `${method} ${url}`;
}

describe("the place of a metadata service", () => {
  const env = (values: Record<string, string>): FakeContext["env"] =>
    new FakeContext({ env: values }).env;
  const SERVICE = { name: "it", cloud: "Cloud", variable: "ENDPOINT" };

  it("is by default what each cloud documents", () => {
    assertEquals(
      [AWS_METADATA, AZURE_METADATA, GOOGLE_METADATA],
      [
        "http://169.254.169.254",
        "http://169.254.169.254",
        "metadata.google.internal",
      ],
    );
    for (
      const [fallback, url] of [
        [AWS_METADATA, "http://169.254.169.254"],
        [AZURE_METADATA, "http://169.254.169.254"],
        [GOOGLE_METADATA, "http://metadata.google.internal"],
      ]
    ) {
      assertEquals(metadataUrl(env({}), SERVICE, fallback ?? ""), url);
      assertEquals(
        metadataUrl(env({ ENDPOINT: "" }), SERVICE, fallback ?? ""),
        url,
      );
    }
  });

  // With a scripted answer, so nothing is sent anywhere.
  const defaults: [cloud: string, url: string][] = [
    ["aws", AWS_METADATA],
    ["azure", AZURE_METADATA],
    ["google", `http://${GOOGLE_METADATA}`],
  ];
  const VARIABLES: Record<string, string> = {
    aws: "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    azure: "AZURE_METADATA_ENDPOINT",
    google: "GCE_METADATA_HOST",
  };
  for (const [cloud, url] of defaults) {
    const getProof = PROOFS[cloud] ?? awsProof;

    it(`is the default for ${cloud} where its variable is unset`, async () => {
      const { proof, urls } = ask(getProof, status(404));
      await rejectionOf(proof);
      assertEquals(urls, [url]);
    });

    it(`is for ${cloud} what its own variable says, and no other one`, async () => {
      const variables = Object.fromEntries(
        Object.entries(VARIABLES).map(([of, name]) => [
          name,
          `http://${of}.test:8080`,
        ]),
      );
      const { proof, urls } = ask(getProof, status(404), variables);
      await rejectionOf(proof);
      assertEquals(urls, [`http://${cloud}.test:8080`]);
    });
  }

  const places: [given: string, url: string][] = [
    ["http://127.0.0.1:8080", "http://127.0.0.1:8080"],
    ["http://127.0.0.1:8080/", "http://127.0.0.1:8080"],
    ["http://127.0.0.1/prefix//", "http://127.0.0.1/prefix"],
    ["https://imds.test", "https://imds.test"],
    ["http://[fd00:ec2::254]", "http://[fd00:ec2::254]"],
    ["127.0.0.1", "http://127.0.0.1"],
    ["127.0.0.1:8080", "http://127.0.0.1:8080"],
    ["metadata.test", "http://metadata.test"],
    ["metadata.test:8080", "http://metadata.test:8080"],
  ];
  for (const [given, url] of places) {
    it(`is ${url} where its variable says ${given}`, () => {
      assertEquals(
        metadataUrl(env({ ENDPOINT: given }), SERVICE, "http://d.test"),
        url,
      );
    });
  }

  const wrong = [
    "ftp://127.0.0.1",
    "file:///etc/passwd",
    "http://",
    "http://user:s3cret@127.0.0.1",
    "user:s3cret@127.0.0.1",
    "http://127.0.0.1/?s3cret",
    "http://127.0.0.1/#s3cret",
    "a host",
    "127.0.0.1\r\nx: s3cret",
    "127.0.0.1:99999",
  ];
  for (const given of wrong) {
    it(`is a usage error for ${JSON.stringify(given)}, not repeated`, () => {
      const error = thrownBy(() =>
        metadataUrl(env({ ENDPOINT: given }), SERVICE, "http://d.test")
      );
      assertEquals([error.code, error.message, error.hint], [
        "usage",
        "ENDPOINT does not hold the URL of a metadata service",
        "give it as ENDPOINT=http://d.test, or unset it",
      ]);
    });
  }
});

describe("the identity of an AWS instance", () => {
  const place = { AWS_EC2_METADATA_SERVICE_ENDPOINT: "http://imds.test" };
  const path = "/latest/dynamic/instance-identity";

  it("is asked for by IMDSv2: a token first, and both parts with it", async () => {
    const { context, proof } = ask(awsProof, awsSays(), place);
    await proof;
    assertEquals(context.requests.map(line), [
      "PUT http://imds.test/latest/api/token",
      `GET http://imds.test${path}/signature`,
      `GET http://imds.test${path}/document`,
    ]);
    const sent = (name: string): (string | null)[] =>
      context.requests.map(({ headers }) => headers.get(name));
    const ttl = sent("x-aws-ec2-metadata-token-ttl-seconds");
    assertEquals(ttl.slice(1), [null, null]);
    const seconds = Number(ttl[0]);
    assertEquals([seconds >= 1, seconds <= 21_600], [true, true]);
    assertEquals(sent("x-aws-ec2-metadata-token"), [null, "imds-1", "imds-1"]);
    assertEquals(sent("authorization"), [null, null, null]);
  });

  for (
    const document of [
      '{\n  "a" : "b"\n}\n',
      '  {"a":"\\u00fc"}\r\n\r\n',
      '{"name":"\u00fc\u{1f600}"}',
      '{"a":1, "a":2}',
    ]
  ) {
    it(`is passed on to the byte: ${JSON.stringify(document)}`, async () => {
      const { proof } = ask(
        awsProof,
        awsSays({ [`${path}/document`]: document }),
      );
      assertEquals(await proof, {
        cloud: "aws",
        signature: "c2ln\nbmF0",
        document,
      });
    });
  }

  it("takes a metadata token with a line break behind it", async () => {
    const { context, proof } = ask(
      awsProof,
      awsSays({ "/latest/api/token": "imds-1\n" }),
    );
    await proof;
    assertEquals(
      context.requests[1]?.headers.get("x-aws-ec2-metadata-token"),
      "imds-1",
    );
  });

  for (
    const token of [
      "a\r\nx-injected: yes",
      "a\nb",
      "a b",
      "t\u00f6ken",
      "a\u0000b",
    ]
  ) {
    it(`sends no header made of ${JSON.stringify(token)}`, async () => {
      const { context, proof } = ask(
        awsProof,
        awsSays({ "/latest/api/token": token }),
      );
      const error = await rejectionOf(proof);
      assertEquals([error.code, context.requests.length], [
        "service_response",
        1,
      ]);
      assertFalse(error.message.includes(token));
    });
  }
});

describe("the identity of an Azure virtual machine", () => {
  it("is the attested document, asked for with the header that says so", async () => {
    const { context, proof } = ask(
      azureProof,
      () =>
        Response.json({ signature: "UEtDUzc=", encoding: "pkcs7", more: 1 }),
      { AZURE_METADATA_ENDPOINT: "http://imds.test" },
    );
    assertEquals(await proof, {
      cloud: "azure",
      signature: "UEtDUzc=",
      encoding: "pkcs7",
    });
    assertEquals(context.requests.map(line), [
      "GET http://imds.test/metadata/attested/document?api-version=2020-09-01",
    ]);
    assertEquals(context.requests[0]?.headers.get("metadata"), "true");
  });

  for (
    const body of [
      "{}",
      "[]",
      "null",
      "nonsense",
      '{"signature":"","encoding":"pkcs7"}',
      '{"signature":"secret"}',
      '{"signature":["secret"],"encoding":"pkcs7"}',
    ]
  ) {
    it(`is not ${body}`, async () => {
      const error = await errorFrom(azureProof, () => new Response(body));
      assertEquals([error.code, error.message], [
        "service_response",
        `the Azure metadata service at ${AZURE_METADATA} answered with something that is no attested document`,
      ]);
    });
  }
});

describe("the identity of a Compute Engine instance", () => {
  it("is a token for the audience, asked for with the header that says so", async () => {
    const { context, proof } = ask(
      googleProof,
      () => new Response(`${JWT}\n`),
      { GCE_METADATA_HOST: "imds.test:8080" },
    );
    assertEquals(await proof, { cloud: "google", jsonWebToken: JWT });
    assertEquals(context.requests.map(line), [
      "GET http://imds.test:8080/computeMetadata/v1/instance/service-accounts/default/identity?audience=nanoservices&format=full",
    ]);
    assertEquals(context.requests[0]?.headers.get("metadata-flavor"), "Google");
  });

  for (const body of ["nonsense", "a.b", "a.b.c.d", "a.b.c\nd", `${JWT} x`]) {
    it(`is not ${JSON.stringify(body)}`, async () => {
      const error = await errorFrom(googleProof, () => new Response(body));
      assertEquals([error.code, error.message], [
        "service_response",
        `the Google metadata service at http://${GOOGLE_METADATA} answered with something that is no JWT`,
      ]);
    });
  }
});

for (const [cloud, getProof] of Object.entries(PROOFS)) {
  describe(`a metadata service of ${cloud} that`, () => {
    const failures: [what: string, Answer, code: string, said: string][] = [
      [
        "redirects",
        status(302, { location: "/elsewhere" }),
        "redirect_refused",
        "redirects elsewhere, which is not followed",
      ],
      ["answers 401", status(401), "service_response", "with status 401"],
      ["answers 404", status(404), "service_response", "with status 404"],
      ["answers 500", status(500), "service_response", "with status 500"],
      ["answers 204", status(204), "service_response", "with status 204"],
      [
        "answers with a web page",
        () => new Response("\n <!doctype html>secret"),
        "service_response",
        "answered with a web page, perhaps a sign-in page or a captive portal",
      ],
      [
        "answers with nothing",
        () => new Response(" \n"),
        "service_response",
        "answered with nothing",
      ],
      [
        "answers with 1 MiB",
        () => new Response("A".repeat(1 << 20)),
        "service_response",
        "answered with more than 64 KiB",
      ],
      [
        "is not there",
        networkFailure(
          "(Connect): tcp connect error: Connection refused (os error 1)",
        ),
        "network_refused",
        "can't be used: ",
      ],
    ];
    for (const [what, answer, code, said] of failures) {
      it(`${what} is asked once, and its error says on which cloud this works`, async () => {
        const { context, proof } = ask(getProof, answer);
        const error = await rejectionOf(proof);
        assertEquals(error.code, code);
        assertEquals(error.message.includes(said), true, error.message);
        assertFalse(error.message.includes("secret"));
        assertEquals(
          [
            /metadata service/.test(error.message),
            /^this works on .* instances only; \w+ names another place for the metadata service$/
              .test(error.hint ?? ""),
          ],
          [true, true],
          error.hint,
        );
        assertEquals([context.requests.length, context.sleeps], [1, []]);
      });
    }

    it("keeps us waiting is left at Ctrl-C", async () => {
      const { context, proof } = ask(getProof, never);
      context.interrupt();
      const error = await rejectionOf(proof);
      assertEquals([error.code, error.hint], ["interrupted", undefined]);
    });
  });
}

describe("the time that a metadata service has", () => {
  it("is two seconds", () => assertEquals(METADATA_TIMEOUT_SECONDS, 2));
});
