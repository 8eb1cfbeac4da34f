import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { argumentList } from "../../../src/process/argument_list.ts";
import {
  childEnvironment,
  withoutVariables,
} from "../../../src/process/child_environment.ts";
import { windows } from "../../../src/process/system/windows.ts";
import { configFolder, dataFolder, noPlace } from "../../../src/store/paths.ts";

function variables(given: Record<string, string>): {
  get(name: string): string | undefined;
} {
  return { get: (name) => given[name] };
}

describe("a path of Windows", () => {
  const absolute = [
    "C:\\Users\\ada",
    "c:/Users/ada",
    "\\\\server\\share\\nanoctl",
    "//server/share",
    "\\\\?\\C:\\very long",
  ];
  for (const path of absolute) {
    it(`is absolute: ${path}`, () => assert(windows.isAbsolute(path)));
  }

  // Each depends on the current drive or on its current folder.
  for (const path of ["\\nanoctl", "/nanoctl", "C:nanoctl", "C:", "a\\b", ""]) {
    it(`is not: ${JSON.stringify(path)}`, () => {
      assertEquals(windows.isAbsolute(path), false);
    });
  }

  const folders: [path: string, folder: string][] = [
    ["C:\\a\\b\\c.json", "C:\\a\\b"],
    ["C:/a/b\\c.json", "C:/a/b"],
    ["C:/a/c.json", "C:/a"],
    ["C:\\c.json", "C:\\"],
    ["\\c.json", "\\"],
    ["\\\\server\\share\\c.json", "\\\\server\\share"],
  ];
  for (const [path, folder] of folders) {
    it(`is in a folder: ${path} in ${folder}`, () => {
      assertEquals(windows.folderOf(path), folder);
    });
  }

  it("is told from a program of PATH", () => {
    const paths = ["a\\it", "a/it", "c:it", ".\\it"];
    assertEquals(paths.filter(windows.isPath), paths);
    assertEquals(windows.isPath("it.exe"), false);
  });
});

describe("a file's name on Windows", () => {
  const wrong = [
    ..."con|CON.json|nul.tar.gz|Aux|prn.txt|com1|LPT9.json|com¹.a".split("|"),
    ...[
      "nul .txt",
      "a:b",
      "a.",
      "a ",
      "a\\b",
      "a/b",
      "a?",
      "a*",
      "",
      "a\u0001",
    ],
  ];
  for (const name of wrong) {
    it(`can't be ${JSON.stringify(name)}`, () => {
      assertEquals(windows.isFileName(name), false);
    });
  }

  it("can be any other", () => {
    const names = "console.json|com10|com.json|.lock|renewal-nul.lock|a b|ä";
    for (const name of names.split("|")) assert(windows.isFileName(name), name);
  });
});

describe("a person's folders on Windows", () => {
  const APPDATA = "C:\\Users\\ada\\AppData\\Roaming";
  const LOCALAPPDATA = "C:\\Users\\ada\\AppData\\Local";
  const cases: [
    what: string,
    env: Record<string, string>,
    config: string | undefined,
    data: string | undefined,
  ][] = [
    [
      "are those of the profile",
      { APPDATA, LOCALAPPDATA, HOME: "C:\\msys\\home" },
      "APPDATA",
      "LOCALAPPDATA",
    ],
    ["are below HOME else", { HOME: "C:\\msys\\home" }, "HOME", "HOME"],
    [
      "are in the profile even if only that is known",
      { USERPROFILE: "C:\\Users\\ada" },
      "USERPROFILE",
      "USERPROFILE",
    ],
    [
      "are where XDG says",
      { XDG_CONFIG_HOME: "D:/c", XDG_DATA_HOME: "\\\\host\\d", APPDATA },
      "XDG_CONFIG_HOME",
      "XDG_DATA_HOME",
    ],
    [
      "are not where it depends on the drive",
      { XDG_CONFIG_HOME: "\\c", XDG_DATA_HOME: "C:d", APPDATA, LOCALAPPDATA },
      "APPDATA",
      "LOCALAPPDATA",
    ],
    [
      "may be said by NANOCTL_CONFIG_DIR",
      { NANOCTL_CONFIG_DIR: "E:\\n", LOCALAPPDATA },
      "NANOCTL_CONFIG_DIR",
      "LOCALAPPDATA",
    ],
    ["are nowhere without a variable", {}, undefined, undefined],
  ];
  for (const [what, env, config, data] of cases) {
    it(what, () => {
      const place = { env: variables(env), os: "windows" };
      assertEquals(configFolder(place)?.variable, config);
      assertEquals(dataFolder(place)?.variable, data);
    });
  }

  it("are missed by their own variables", () => {
    const os = "windows";
    const messages = [
      noPlace("credential file", "NANOCTL_CONFIG_DIR", { os }),
      noPlace("key file", "XDG_DATA_HOME", { os }),
    ].map(({ message, hint }) => [message, hint]);
    assertEquals(messages, [
      [
        "there is no APPDATA, so no place for the credential file",
        "set APPDATA or NANOCTL_CONFIG_DIR",
      ],
      [
        "there is no LOCALAPPDATA, so no place for the key file",
        "set LOCALAPPDATA or XDG_DATA_HOME",
      ],
    ]);
  });

  const env = variables({ USERPROFILE: "C:\\Users\\Ada", APPDATA: "D:\\r\\" });
  const inside = [
    "C:\\Users\\Ada\\AppData\\Roaming\\nanoctl",
    "c:/users/ada/n",
    "D:\\R\\nanoctl",
  ];
  for (const path of inside) {
    it(`have its access list in the profile: ${path}`, () => {
      assert(windows.isInProfile(path, env));
    });
  }
  const outside = [
    "C:\\Users\\Adam\\n",
    "C:\\Users\\Ada",
    "C:\\nanoctl",
    "n",
    "C:\\Users\\Ada\\..\\Public\\n",
  ];
  for (const path of outside) {
    it(`may have another one outside: ${path}`, () => {
      assertEquals(windows.isInProfile(path, env), false);
    });
  }
});

describe("a child's environment on Windows", () => {
  it("has none of our variables, however they are written", () => {
    const env = {
      Path: "C:\\bin",
      nanoctl_passphrase: "secret",
      Nanoservices_Token: "secret",
      NANOCTL: "no variable of ours",
    };
    assertEquals(childEnvironment(env, "windows"), {
      Path: "C:\\bin",
      NANOCTL: "no variable of ours",
    });
    assertEquals(
      Object.keys(childEnvironment(env, "linux")),
      Object.keys(env),
    );
  });

  it("loses a variable in any case", () => {
    const env = { Api_Token: "a", API_URL: "b" };
    const names = ["API_TOKEN"];
    assertEquals(withoutVariables(env, names, "windows"), { API_URL: "b" });
    assertEquals(withoutVariables(env, names, "linux"), env);
  });
});

describe("an argument to a batch file", () => {
  const harmful = ['a"b', "%PATH%", "a\nb", "a\rb"];
  for (const path of ["C:\\a\\it.cmd", "it.BAT", "C:\\it.cmd. ", "it.bat..."]) {
    it(`can't have what cmd.exe reads even in quotes: ${path}`, () => {
      for (const argument of harmful) {
        const fault = windows.faultOfArguments(path, ["x", argument]);
        assert(fault?.startsWith("is a batch file"), argument);
        // An argument can be a secret.
        assertEquals(fault?.includes("PATH"), false);
      }
    });
  }

  it("can have what quotes hold", () => {
    assertEquals(
      windows.faultOfArguments("it.cmd", ["a & b", "c|d", "^", "(x86)", "!e!"]),
      undefined,
    );
  });

  it("is any for a program", () => {
    for (const path of ["C:\\it.exe", "it.com", "C:\\a.cmd\\it.exe"]) {
      assertEquals(windows.faultOfArguments(path, harmful), undefined, path);
    }
  });
});

describe("a command line on Windows", () => {
  const cases: [line: string, list: string[]][] = [
    ["C:\\a\\it.exe get", ["C:\\a\\it.exe", "get"]],
    ['"C:\\Program Files\\it.exe" -x', ["C:\\Program Files\\it.exe", "-x"]],
    ["\\\\host\\share\\it a\\", ["\\\\host\\share\\it", "a\\"]],
    ['it "C:\\a b\\\\" c', ["it", "C:\\a b\\", "c"]],
    ['it \\"a\\" "say \\"b\\""', ["it", '"a"', 'say "b"']],
    ['it a\\\\"b c"', ["it", "a\\b c"]],
    ["it 'C:\\a b\\' c", ["it", "C:\\a b\\", "c"]],
    [`it "it's" "\\$x"`, ["it", "it's", "\\$x"]],
    ["it a\\\r\nb", ["it", "a\\", "b"]],
    ['["C:\\\\it.exe","a"]', ["C:\\it.exe", "a"]],
  ];
  for (const [line, list] of cases) {
    it(`has backslashes of paths: ${JSON.stringify(line)}`, () => {
      assertEquals(argumentList(line, "--x", "windows"), list);
    });
  }
});

describe("on Windows Ctrl-C", () => {
  it("is an exit code of its own", () => {
    for (const code of [0xc000013a, 0xc000013a | 0, 130]) {
      assert(windows.wasInterrupted({ code, signal: null }), String(code));
    }
    assertEquals(windows.wasInterrupted({ code: 1, signal: null }), false);
  });

  it("is no signal to pass on: the console tells every program", () => {
    assertEquals(windows.passedSignals, []);
    assert(windows.alwaysShares);
    assert(windows.sharedSignals.includes("SIGINT"));
  });

  it("stays one where the terminal has no mode that is half raw", () => {
    const calls: unknown[][] = [];
    windows.hush({ setRaw: (...given) => void calls.push(given) });
    assertEquals(calls, [[false]]);
  });
});

/** The system's error for a file that somebody has open, and so often. */
class BusyFiles {
  readonly renames: [string, string][] = [];
  #left: number;
  readonly #error: Error;

  constructor(times: number, error: Error) {
    this.#left = times;
    this.#error = error;
  }

  renameSync = (from: string | URL, to: string | URL): void => {
    this.renames.push([String(from), String(to)]);
    if (this.#left-- > 0) throw this.#error;
  };
}

describe("on Windows a file that somebody has open", () => {
  const errors = [
    new Deno.errors.PermissionDenied("Access is denied. (os error 5)"),
    new Deno.errors.Busy("It is being used by another process. (os error 32)"),
    new Error("Another process has locked a portion of it. (os error 33)"),
  ];
  for (const error of errors) {
    it(`is replaced once it is closed: ${error.message}`, () => {
      const files = new BusyFiles(4, error);
      windows.rename(files, "a.tmp", "a");
      assertEquals(files.renames, Array(5).fill(["a.tmp", "a"]));
    });
  }

  it("is not tried for ever", () => {
    const files = new BusyFiles(Infinity, errors[1] ?? new Error());
    assertThrows(() => windows.rename(files, "a", "b"), Deno.errors.Busy);
    // 1 ms and twice as long each time, until 2 s are over.
    assertEquals(files.renames.length, 12);
  });

  it("is no other fault, which is there to stay", () => {
    const gone = new Deno.errors.NotFound("Not found. (os error 2)");
    const files = new BusyFiles(1, gone);
    assertThrows(
      () => windows.rename(files, "a", "b"),
      Deno.errors.NotFound,
    );
    assertEquals(files.renames.length, 1);
  });
});
