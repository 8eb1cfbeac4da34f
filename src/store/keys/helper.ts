import { childEnvironment } from "../../process/child_environment.ts";
import * as v from "valibot";
import { NanoctlError } from "../../errors.ts";
import { findProgram } from "../../process/program_path.ts";
import { systemOf } from "../../process/system/systems.ts";
import { importKey, parseKey, randomKey } from "./key_bytes.ts";
import {
  type KeyContext,
  type KeyInfo,
  OR_START_ANEW,
  type OwnKey,
} from "./key_info.ts";

type HelperInfo = Extract<KeyInfo, { source: "helper" }>;

const answerSchema = v.object({ Secret: v.string() });
/** What a helper says of an entry that it does not have (docker-credential-helpers). */
const NOT_FOUND = "credentials not found in native keychain";
const USERNAME = "nanoctl";
/** What a child process must not inherit: it holds tokens, keys and passphrases. */

/**
 * The key that a docker credential helper keeps. The key goes to it and comes
 * from it over pipes alone.
 *
 * Throws `file_key` when the helper fails, or has another key or none.
 */
export async function openHelperKey(
  context: KeyContext,
  wanted: HelperInfo,
): Promise<OwnKey> {
  const { helper } = wanted;
  const answer = await ask(context, helper, "get", entryName(wanted.id));
  const bytes = parseKey(
    secretOf(answer, helper),
    `the entry of docker-credential-${helper}`,
  );
  const { key, id } = await importKey(bytes);
  if (id === wanted.id) return { key, info: { source: "helper", id, helper } };
  throw new NanoctlError(
    "file_key",
    `docker-credential-${helper} gave another key: it has the id ${id}, the credential file needs ${wanted.id}`,
    `put the right key back, ${OR_START_ANEW}`,
  );
}

/** Makes a key and has the helper keep it. Throws `file_key`, and `usage` when there is no helper. */
export async function createHelperKey(
  context: KeyContext,
  named: string | undefined,
): Promise<OwnKey> {
  const helper = named ?? await findHelper(context);
  const bytes = randomKey();
  const secret = bytes.toBase64();
  const { id } = await importKey(bytes);
  const entry = {
    ServerURL: entryName(id),
    Username: USERNAME,
    Secret: secret,
  };
  await ask(context, helper, "store", JSON.stringify(entry));
  // A helper that takes a key and does not give it back would lose every token.
  return await openHelperKey(context, { source: "helper", id, helper });
}

/** Has the helper forget a key that nothing needs any more. Throws `file_key`. */
export async function eraseHelperKey(
  context: KeyContext,
  { helper, id }: HelperInfo,
): Promise<void> {
  await ask(context, helper, "erase", entryName(id));
}

/** The name of the entry: some helpers take nothing but a URL with a host. */
function entryName(id: string): string {
  return `https://nanoctl.invalid/key/${id}`;
}

async function findHelper(context: KeyContext): Promise<string> {
  const candidates = systemOf(context.os).keyHelpers;
  const env = childEnvironment(context.env.toObject(), context.os);
  for (const name of candidates) {
    const found = await run(context, name, "list", "").catch(() => undefined);
    if (found?.success) return name;
  }
  const relative = candidates.map(programName).find((name) =>
    findProgram(name, env, context.os)?.passedOver !== undefined
  );
  if (relative !== undefined) throw onlyRelative("usage", relative);
  throw new NanoctlError(
    "usage",
    `no credential helper works here; looked for ${
      candidates.map(programName).join(", ")
    }`,
    "install one, or name it: --key-source helper:<name>",
  );
}

async function ask(
  context: KeyContext,
  helper: string,
  action: "store" | "get" | "erase",
  input: string,
): Promise<string> {
  if (helper.toLowerCase() === "nanoctl") throw askedItself();
  const { success, text } = await run(context, helper, action, input);
  if (success) return text;
  if (text.includes(NOT_FOUND)) throw notThere(helper);
  // A helper that repeats what it was given, or what it has, would print the key.
  const safe = text.includes("Secret") || /[A-Za-z0-9+/]{43}=/.test(text)
    ? ""
    : text;
  throw new NanoctlError(
    "file_key",
    `docker-credential-${helper} ${action} failed${
      safe === "" ? "" : `: ${safe.slice(0, 200)}`
    }`,
    "unlock its keychain, then try again",
  );
}

async function run(
  context: KeyContext,
  helper: string,
  action: string,
  input: string,
): Promise<{ success: boolean; text: string }> {
  const env = childEnvironment(context.env.toObject(), context.os);
  const program = programName(helper);
  const place = findProgram(program, env, context.os);
  if (place?.passedOver !== undefined) throw onlyRelative("file_key", program);
  if (!place) throw notThereToRun(program);
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(place.path, {
      args: [action],
      clearEnv: true,
      env,
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
  } catch (error) {
    // A command drops the permission to run programs at its start, if no helper keeps the key then.
    if (error instanceof Deno.errors.NotCapable) {
      throw new NanoctlError(
        "file_key",
        `${program} began to keep the key after this command had started`,
        "run it again",
      );
    }
    throw notThereToRun(program);
  }
  const output = child.output();
  const writer = child.stdin.getWriter();
  // A helper that does not read its input says what is wrong in its output.
  await writer.write(new TextEncoder().encode(input)).catch(() => {});
  await writer.close().catch(() => {});
  const { success, stdout } = await output;
  const text = new TextDecoder().decode(stdout).trim();
  stdout.fill(0);
  return { success, text };
}

function programName(helper: string): string {
  return `docker-credential-${helper}`;
}

function notThereToRun(program: string): NanoctlError {
  return new NanoctlError(
    "file_key",
    `${program} is not on the PATH, or can't be run`,
    "install it, or change the PATH",
  );
}

/** Nanoctl is a helper too, and would ask itself for its key for ever. */
function askedItself(): NanoctlError {
  return new NanoctlError(
    "file_key",
    "docker-credential-nanoctl can't keep the key that it needs itself",
    "name another helper: --key-source helper:<name>",
  );
}

/** Anyone who can write to the working folder could put a helper there. */
function onlyRelative(
  code: "file_key" | "usage",
  program: string,
): NanoctlError {
  return new NanoctlError(
    code,
    `${program} is only in an empty or relative entry of PATH, which is not used`,
    "put the absolute path of its folder into PATH",
  );
}

function secretOf(answer: string, helper: string): string {
  const { Secret } = parseAnswer(answer, helper);
  // What docker-credential-pass says of an entry that it does not have.
  if (Secret === "") throw notThere(helper);
  return Secret;
}

function parseAnswer(answer: string, helper: string): { Secret: string } {
  try {
    return v.parse(answerSchema, JSON.parse(answer));
  } catch {
    throw new NanoctlError(
      "file_key",
      `docker-credential-${helper} sent an unexpected response`,
    );
  }
}

function notThere(helper: string): NanoctlError {
  return new NanoctlError(
    "file_key",
    `docker-credential-${helper} does not have the key of the credential file`,
    `unlock or restore its keychain, ${OR_START_ANEW}`,
  );
}
