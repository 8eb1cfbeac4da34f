import { assert, assertEquals, assertFalse } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { tokenFile } from "../../src/tokens/file.ts";
import { TOKEN_LIMIT } from "../../src/tokens/token_text.ts";
import { rejectionOf, TemporaryHome } from "../support/fake_context.ts";

describe("a token file", () => {
  it("gives the token in it, without the line break", async () => {
    await using home = await TemporaryHome.make();
    const path = await home.write("token", "nano_1\n");
    const provider = tokenFile(path, "token-file");
    assertEquals((await provider.getToken()).secret.reveal(), "nano_1");
    assertEquals([provider.origin, provider.source], [
      "token-file",
      `the file ${path}`,
    ]);
  });

  it("is not read before a token is needed", () => {
    assertEquals(tokenFile("/no/such/file", "token-file").origin, "token-file");
  });

  it("is read again each time, so that a rotated one just works", async () => {
    await using home = await TemporaryHome.make();
    const path = await home.write("token", "nano_1");
    const provider = tokenFile(path, "token-file");
    await provider.getToken();
    await home.write("token", "nano_2");
    assertEquals((await provider.getToken()).secret.reveal(), "nano_2");
  });

  it("is read once where it is a pipe, which has no more to give", async () => {
    await using home = await TemporaryHome.make();
    const path = `${home.path}/pipe`;
    await new Deno.Command("mkfifo", { args: [path] }).output();
    const provider = tokenFile(path, "token-file");
    const writer = new Deno.Command("sh", {
      args: ["-c", 'echo nano_1 > "$1"', "sh", path],
    }).spawn();
    const refused = await provider.getToken();
    await writer.status;
    assertEquals(refused.secret.reveal(), "nano_1");
    assertEquals(await provider.renew?.(refused), false);
    assertEquals((await provider.getToken()).secret.reveal(), "nano_1");
  });

  it("follows a link that is turned to another file, as Kubernetes does", async () => {
    await using home = await TemporaryHome.make();
    const first = await home.write("first", "nano_1");
    const second = await home.write("second", "nano_2");
    const path = `${home.path}/token`;
    await Deno.symlink(first, path);
    const provider = tokenFile(path, "token-file");
    const before = await provider.getToken();
    await Deno.symlink(second, `${home.path}/next`);
    await Deno.rename(`${home.path}/next`, path);
    assert(await provider.renew?.(before));
    assertEquals((await provider.getToken()).secret.reveal(), "nano_2");
  });

  it("renews once it holds another token than the one refused", async () => {
    await using home = await TemporaryHome.make();
    const provider = tokenFile(
      await home.write("token", "nano_1"),
      "token-file",
    );
    const refused = await provider.getToken();
    assertEquals(await provider.renew?.(refused), false);
    await home.write("token", "nano_2");
    assertEquals(await provider.renew?.(refused), true);
  });

  it("says so when it is gone by the time of a renewal", async () => {
    await using home = await TemporaryHome.make();
    const path = await home.write("token", "nano_1");
    const provider = tokenFile(path, "token-file");
    const refused = await provider.getToken();
    await Deno.remove(path);
    const renewal = Promise.resolve(provider.renew?.(refused));
    assertEquals((await rejectionOf(renewal)).code, "not_logged_in");
  });

  it("that is not there is exit 3, with its path", async () => {
    const error = await rejectionOf(
      tokenFile("/no/such/file", "token-file").getToken(),
    );
    assertEquals([error.code, error.exitCode, error.message], [
      "not_logged_in",
      3,
      "the token file /no/such/file can't be read: there is no such file",
    ]);
  });

  it("that is a folder is exit 3", async () => {
    await using home = await TemporaryHome.make();
    const error = await rejectionOf(
      tokenFile(home.path, "token-file").getToken(),
    );
    assertEquals([error.exitCode, error.message], [
      3,
      `the token file ${home.path} can't be read: it is a folder`,
    ]);
  });

  for (const content of ["", "\n", "  \r\n"]) {
    it(`with ${JSON.stringify(content)} in it is exit 3`, async () => {
      await using home = await TemporaryHome.make();
      const path = await home.write("token", content);
      const error = await rejectionOf(tokenFile(path, "token-file").getToken());
      assertEquals([error.code, error.exitCode], ["not_logged_in", 3]);
      assert(error.message.includes(path), error.message);
    });
  }

  it("of the greatest length is taken", async () => {
    await using home = await TemporaryHome.make();
    const path = await home.write("token", "x".repeat(TOKEN_LIMIT));
    const { secret } = await tokenFile(path, "token-file").getToken();
    assertEquals(secret.reveal().length, TOKEN_LIMIT);
  });

  it("that is too long is refused and not repeated", async () => {
    await using home = await TemporaryHome.make();
    const path = await home.write("token", "x".repeat(10 * TOKEN_LIMIT));
    const error = await rejectionOf(tokenFile(path, "token-file").getToken());
    assertEquals([error.code, error.exitCode], ["token_invalid", 4]);
    assertFalse(error.message.includes("xxxx"));
  });

  it("without an end is read no further than a token can be", async () => {
    const error = await rejectionOf(
      tokenFile("/dev/zero", "token-file").getToken(),
    );
    assertEquals(error.code, "token_invalid");
  });
});
