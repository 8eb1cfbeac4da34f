import { join } from "@std/path";
import { Child } from "./nanoctl.ts";

/** One instruction of a Dockerfile. */
export interface Instruction {
  name: string;
  /** What follows `--` in front, such as `from` of `--from=release`. */
  flags: Record<string, string>;
  /** The rest, on one line. */
  text: string;
}

/** What a build yields: the files, and how an engine starts the program. */
export interface Image {
  /** The folder with the files. */
  root: string;
  env: Record<string, string>;
  user: string;
  entrypoint: string[];
}

/** Where a build takes everything from. */
export interface Build {
  /** The folder with the files that are copied without `--from`. */
  context: string;
  args: Record<string, string>;
  /** Lays a base image out in a folder; throws for one that it doesn't know. */
  base: (reference: string, root: string) => Promise<void>;
  /** An empty folder for the stages. */
  folder: string;
}

interface Stage extends Image {
  args: Record<string, string>;
  workdir: string;
}

/** Reads a Dockerfile. Throws for what it can't read. */
export function parseDockerfile(text: string): Instruction[] {
  const lines = text.replace(/^#.*\n/gm, "").replace(/\\\n\s*/g, "").split(
    "\n",
  );
  return lines.filter((line) => line.trim() !== "").map((line) => {
    const match = /^([A-Z]+)((?: --[a-z]+=\S+)*) (\S.*)$/.exec(line);
    if (!match) throw new Error(`this is no instruction: ${line}`);
    const [, name = "", given = "", rest = ""] = match;
    const flags = [...given.matchAll(/--([a-z]+)=(\S+)/g)]
      .map(([, flag = "", value = ""]) => [flag, value]);
    return { name, flags: Object.fromEntries(flags), text: rest };
  });
}

/**
 * Builds an image of a Dockerfile as root, with `chroot` for RUN. It knows only what
 * ours need, and refuses anything else.
 */
export async function buildImage(text: string, build: Build): Promise<Image> {
  const stages = new Map<string, Stage>();
  let stage: Stage | undefined;
  for (const instruction of parseDockerfile(text)) {
    if (instruction.name === "FROM") {
      const [reference = "", as, name] = instruction.text.split(" ");
      if (as !== undefined && as !== "AS") throw unknown(instruction);
      stage = await startStage(build, reference, stages.size);
      stages.set(name ?? `${stages.size}`, stage);
      continue;
    }
    if (!stage) throw unknown(instruction);
    await follow(instruction, stage, stages, build);
  }
  if (!stage) throw new Error("there is no FROM");
  return stage;
}

async function startStage(
  build: Build,
  reference: string,
  index: number,
): Promise<Stage> {
  const root = join(build.folder, `stage-${index}`);
  await Deno.mkdir(root);
  await build.base(reference, root);
  return { root, env: {}, user: "", entrypoint: [], args: {}, workdir: "/" };
}

async function follow(
  instruction: Instruction,
  stage: Stage,
  stages: Map<string, Stage>,
  build: Build,
): Promise<void> {
  const { name, flags } = instruction;
  const text = name === "RUN" ? instruction.text : filledIn(instruction, stage);
  if (name !== "COPY" && Object.keys(flags).length > 0) {
    throw unknown(instruction);
  }
  switch (name) {
    case "ARG":
      return setArgument(text, stage, build);
    case "ENV":
      return setVariables(text, stage);
    case "USER":
      stage.user = text;
      return;
    case "WORKDIR":
      stage.workdir = text;
      return await Deno.mkdir(stage.root + text, { recursive: true });
    case "ENTRYPOINT":
      stage.entrypoint = JSON.parse(text);
      return;
    case "RUN":
      return await runIn(stage, text);
    case "COPY":
      return await copy(instruction, text, stage, stages, build);
    default:
      throw unknown(instruction);
  }
}

/** The text with its variables. Throws for one that is not set. */
function filledIn(instruction: Instruction, { args, env }: Stage): string {
  return instruction.text.replace(/\$\{(\w+)\}/g, (_, name: string) => {
    const value = env[name] ?? args[name];
    if (value === undefined) throw unknown(instruction);
    return value;
  });
}

function setArgument(text: string, stage: Stage, { args }: Build): void {
  const [name = "", value = ""] = text.split("=");
  stage.args[name] = args[name] ?? value;
}

function setVariables(text: string, stage: Stage): void {
  for (const pair of text.split(" ")) {
    const [name = "", value] = pair.split("=");
    if (value === undefined) throw new Error(`no variable: ${pair}`);
    stage.env[name] = value;
  }
}

async function runIn(stage: Stage, script: string): Promise<void> {
  const { root, workdir, args, env } = stage;
  const inside = `cd ${workdir} && ${script}`;
  await succeed("chroot", [root, "/bin/sh", "-c", inside], {
    PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
    ...args,
    ...env,
  });
}

async function copy(
  instruction: Instruction,
  text: string,
  stage: Stage,
  stages: Map<string, Stage>,
  { context }: Build,
): Promise<void> {
  const { from, ...others } = instruction.flags;
  if (Object.keys(others).length > 0) throw unknown(instruction);
  const source = from === undefined ? context : stages.get(from)?.root;
  const words = text.split(" ");
  const target = words.pop() ?? "";
  if (source === undefined || words.length === 0 || !target.endsWith("/")) {
    throw unknown(instruction);
  }
  const folder = join(stage.root, target.startsWith("/") ? "" : stage.workdir);
  await Deno.mkdir(join(folder, target), { recursive: true });
  for (const word of words) {
    // Of a folder its contents are copied, over what is there but not over links.
    const contents = word.endsWith("/") ? "." : "";
    const path = `${join(source, word)}${contents}`;
    await succeed("cp", ["-a", "--", path, join(folder, target)]);
  }
}

async function succeed(
  command: string,
  args: string[],
  env: Record<string, string> = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
): Promise<void> {
  const { code, stderr } = await new Child(command, args, { env }).end();
  if (code !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr}`);
}

function unknown({ name, flags, text }: Instruction): Error {
  const given = Object.keys(flags).map((flag) => `--${flag} `).join("");
  return new Error(`this is not known here: ${name} ${given}${text}`);
}
