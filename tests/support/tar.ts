import { walk } from "../../scripts/process.ts";

/** The files of a gzipped tar as tar(1) unpacks them, by their paths. */
export async function unpackedFiles(
  archive: Uint8Array<ArrayBuffer>,
): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const folder = await Deno.makeTempDir({ prefix: "nanoctl-tar-" });
  try {
    await Deno.writeFile(`${folder}/archive`, archive);
    const { success, stderr } = await new Deno.Command("tar", {
      args: ["-xzf", "archive"],
      cwd: folder,
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    await Deno.remove(`${folder}/archive`);
    const files = new Map<string, Uint8Array<ArrayBuffer>>();
    for (const path of walk(folder)) {
      files.set(path.slice(1), await Deno.readFile(folder + path));
    }
    return files;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
