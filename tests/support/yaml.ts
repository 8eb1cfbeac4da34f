import { assert } from "@std/assert";

/** All documents of a file as JSON, by the parser of Debian's python3-yaml. */
const PARSE = `
import json, re, sys, yaml
class Loader(yaml.SafeLoader): pass
# As YAML 1.2 has it, "on" is a word and no truth.
Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in all if tag != "tag:yaml.org,2002:bool"]
    for first, all in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(true|false)$"), list("tf"))
print(json.dumps(list(yaml.load_all(open(sys.argv[1]), Loader))))
`;

/** The documents of a YAML file. Fails if it is no YAML; see `pythonWith` for what it takes. */
export function yamlDocuments(path: string): unknown[] {
  const { success, stdout, stderr } = new Deno.Command("/usr/bin/python3", {
    args: ["-c", PARSE, path],
  }).outputSync();
  assert(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}
