import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { lineOfTool } from "../../../src/cli/command_line/called_by_tools.ts";

const DOCKERS = ["store", "get", "erase", "list", "version"];

/** What the line is when the program is called by a name, and how often the name was looked at. */
function lineAs(
  name: string,
  args: string[],
): { line: string[]; looks: number } {
  let looks = 0;
  const line = lineOfTool(args, () => {
    looks++;
    return name;
  });
  return { line, looks };
}

describe("a program that is called by a tool", () => {
  it("answers docker where it has the name of its helper", () => {
    for (
      const name of [
        "docker-credential-nanoctl",
        "./docker-credential-nanoctl",
        "/usr/local/bin/docker-credential-nanoctl",
        "C:\\Tools\\docker-credential-nanoctl.exe",
        "C:\\Tools\\Docker-Credential-Nanoctl.EXE",
      ]
    ) {
      for (const action of DOCKERS) {
        const { line } = lineAs(name, [action]);
        assertEquals(line, ["credential", "docker", action], name);
      }
    }
  });

  it("takes its line as it is under any other name", () => {
    for (
      const name of [
        "",
        "nanoctl",
        "/opt/docker-credential-nanoctl/nanoctl",
        "docker-credential-nanoctl-2",
        "my-docker-credential-nanoctl",
      ]
    ) assertEquals(lineAs(name, ["get"]).line, ["get"], name);
  });

  it("has its name looked at only where docker may have called it", () => {
    const name = "docker-credential-nanoctl";
    for (const action of DOCKERS) assertEquals(lineAs(name, [action]).looks, 1);
    for (
      const args of [
        [],
        [""],
        ["whoami"],
        ["token"],
        ["GET"],
        ["get", "x"],
        ["store", "info"],
        ["-v", "list"],
        ["login", "store"],
        ["--version"],
      ]
    ) assertEquals(lineAs(name, args), { line: args, looks: 0 });
  });

  it("answers git's questions whatever its name", () => {
    const question = "Username for 'https://example.com': ";
    assertEquals(lineAs("nanoctl", [question]), {
      line: ["credential", "git", "askpass", question],
      looks: 0,
    });
  });
});
