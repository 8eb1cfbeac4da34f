import { assert } from "@std/assert";
import type { Need } from "./store_files.ts";
import { pythonWith } from "./example_ways.ts";

/** A kind that the stand-in knows: as in a manifest, and what Kubernetes calls it in a URL. */
const KINDS = [
  { group: "", kind: "Secret", resource: "secrets" },
  { group: "", kind: "ServiceAccount", resource: "serviceaccounts" },
  { group: "apps", kind: "Deployment", resource: "deployments" },
  { group: "batch", kind: "Job", resource: "jobs" },
  {
    group: "networking.k8s.io",
    kind: "NetworkPolicy",
    resource: "networkpolicies",
  },
] as const;

/** A schema of OpenAPI 2, as far as Kubernetes has it. */
interface Schema {
  $ref?: string;
  type?: "string" | "integer" | "number" | "boolean" | "object" | "array";
  items?: Schema;
  additionalProperties?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
}

/**
 * The schemas of the kinds and of all that is in them, as Debian's python3-kubernetes
 * has them: its classes are made of Kubernetes' own OpenAPI document.
 */
const DEFINITIONS = `
import json, re, sys
from kubernetes import client
SCALARS = {"str": "string", "int": "integer", "float": "number",
           "bool": "boolean", "datetime": "string", "date": "string"}
found = {}
def schema(name):
    if name in SCALARS: return {"type": SCALARS[name]}
    if name == "object": return {}
    inner = re.match(r"list\\[(.*)\\]$", name)
    if inner: return {"type": "array", "items": schema(inner[1])}
    inner = re.match(r"dict\\(str, (.*)\\)$", name)
    if inner: return {"type": "object", "additionalProperties": schema(inner[1])}
    define(name)
    return {"$ref": "#/definitions/" + name}
def required(model, attribute):
    empty = model.__new__(model)
    empty.local_vars_configuration = client.Configuration()
    try: setattr(empty, attribute, None)
    except ValueError: return True
    return False
def define(name):
    if name in found: return
    model = getattr(client, name)
    found[name] = {}
    found[name].update(type="object", properties={
        field: schema(model.openapi_types[attribute])
        for attribute, field in model.attribute_map.items()
    }, required=[
        field for attribute, field in model.attribute_map.items()
        if required(model, attribute)
    ])
for name in sys.argv[1:]: define(name)
print(json.dumps(found))
`;

/** What {@linkcode KubernetesApi} takes. */
export const kubernetesSchemas: Need = pythonWith("kubernetes");

/**
 * As much of Kubernetes' API server, on loopback, as `kubectl create --dry-run=client`
 * asks for: which kinds there are, and the OpenAPI document that it validates
 * manifests with.
 */
export class KubernetesApi implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #document = openApi(definitions());
  /** The requests so far, such as `GET /api/v1`. */
  readonly requests: string[] = [];

  constructor() {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) => this.#answer(request),
    );
  }

  /** Its URL. */
  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  #answer({ method, url }: Request): Response {
    const { pathname } = new URL(url);
    this.requests.push(`${method} ${pathname}`);
    if (pathname === "/openapi/v2") return new Response(this.#document);
    const answer = discovery(pathname);
    return answer === undefined
      ? new Response(null, { status: 404 })
      : Response.json(answer);
  }
}

/** What there is, at the paths of Kubernetes' discovery. */
function discovery(path: string): unknown {
  if (path === "/version") return { major: "1", minor: "22" };
  if (path === "/api") return { kind: "APIVersions", versions: ["v1"] };
  if (path === "/apis") return { kind: "APIGroupList", groups: groups() };
  const [, group = ""] = /^\/(?:api|apis\/([\w.]+))\/v1$/.exec(path) ?? [];
  const resources = KINDS.filter((one) => one.group === group);
  if (!path.endsWith("/v1") || resources.length === 0) return undefined;
  return {
    kind: "APIResourceList",
    groupVersion: group === "" ? "v1" : `${group}/v1`,
    resources: resources.map(({ kind, resource }) => ({
      name: resource,
      singularName: "",
      namespaced: true,
      kind,
      verbs: ["create", "get", "list"],
    })),
  };
}

function groups(): unknown[] {
  const names = new Set<string>(KINDS.map(({ group }) => group));
  names.delete("");
  return [...names].map((name) => {
    const version = { groupVersion: `${name}/v1`, version: "v1" };
    return { name, versions: [version], preferredVersion: version };
  });
}

function definitions(): Record<string, Schema> {
  const { success, stdout, stderr } = new Deno.Command("/usr/bin/python3", {
    args: ["-c", DEFINITIONS, ...KINDS.map(({ kind }) => `V1${kind}`)],
  }).outputSync();
  assert(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

/**
 * The OpenAPI document in the form in which kubectl asks for it: Protocol Buffers, by
 * the numbers of openapiv2/OpenAPIv2.proto of google/gnostic.
 */
function openApi(schemas: Record<string, Schema>): Uint8Array<ArrayBuffer> {
  const named = Object.entries(schemas).map(([name, schema]) => {
    const known = KINDS.find(({ kind }) => name === `V1${kind}`);
    return field(1, text(1, name), field(2, message(schema), gvk(known)));
  });
  return Uint8Array.from([
    ...text(1, "2.0"),
    ...field(2, text(1, "Kubernetes"), text(2, "v1.22")),
    ...field(8),
    ...field(9, ...named),
  ]);
}

/** The extension by which kubectl finds a kind's schema. */
function gvk(known: { group: string; kind: string } | undefined): number[] {
  if (known === undefined) return [];
  const { group, kind } = known;
  const yaml = JSON.stringify([{ group, kind, version: "v1" }]);
  const name = "x-kubernetes-group-version-kind";
  return field(31, text(1, name), field(2, text(2, yaml)));
}

function message(schema: Schema): number[] {
  const { $ref, type, items, additionalProperties, properties } = schema;
  return [
    ...$ref === undefined ? [] : text(1, $ref),
    ...(schema.required ?? []).flatMap((name) => text(19, name)),
    ...additionalProperties
      ? field(21, field(1, message(additionalProperties)))
      : [],
    ...type === undefined ? [] : field(22, text(1, type)),
    ...items ? field(23, field(1, message(items))) : [],
    ...properties
      ? field(
        25,
        ...Object.entries(properties).map(([name, inner]) =>
          field(1, text(1, name), field(2, message(inner)))
        ),
      )
      : [],
  ];
}

/** A length-delimited field of a message. */
function field(number: number, ...parts: number[][]): number[] {
  const bytes = parts.flat();
  return [...varint(number << 3 | 2), ...varint(bytes.length), ...bytes];
}

function text(number: number, value: string): number[] {
  return field(number, [...new TextEncoder().encode(value)]);
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [value & 0x7f | 0x80, ...varint(value >>> 7)];
}
