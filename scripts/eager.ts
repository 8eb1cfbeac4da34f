/**
 * Has V8 compile the functions of a module along with it, as its first look at
 * a file only skips those that it does not take for called at once. It does so
 * for a function in parentheses. For a file that a start runs nearly all of:
 *
 *   deno run --allow-read --allow-write scripts/eager.ts <file>
 */

import { parse } from "acorn";

/**
 * The module with each of its function declarations as an expression in
 * parentheses. They come first, as declarations do, and call nothing yet.
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
