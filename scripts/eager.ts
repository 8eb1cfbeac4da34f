/**
 * Makes V8 compile a module's functions eagerly. By default it only pre-parses a
 * function unless it is in parentheses, which suggest an immediate call. For files
 * of which a start runs nearly everything:
 *
 *   deno run --allow-read --allow-write scripts/eager.ts <file>
 */

import { parse } from "acorn";

/**
 * The module with each function declaration turned into an expression in
 * parentheses. They go first, as declarations are hoisted, and call nothing yet.
 */
export function compiledAtOnce(code: string): string {
  const { body } = parse(code, { ecmaVersion: "latest", sourceType: "module" });
  let functions = "";
  let rest = "";
  let end = 0;
  for (const node of body) {
    if (node.type !== "FunctionDeclaration") continue;
    const text = code.slice(node.start, node.end);
    functions += `var ${node.id.name}=(${text});`;
    rest += code.slice(end, node.start);
    end = node.end;
  }
  return functions + rest + code.slice(end);
}

if (import.meta.main) {
  const [path = ""] = Deno.args;
  const code = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, compiledAtOnce(code));
}
