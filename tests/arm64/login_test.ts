import { assertEquals } from "@std/assert";
import {
  CREDENTIALS,
  type Home,
  KEY,
  STORED_ENTRIES,
} from "../support/nanoctl.ts";
import { provided, testLogin } from "../support/elsewhere.ts";
import { describeNeeding } from "../support/needs.ts";
import {
  CONFIG_FOLDER,
  DATA_FOLDER,
  readStored,
} from "../support/store_files.ts";

const arm64 = await provided("linux-arm64");

describeNeeding(arm64.missing, "Linux on arm64, in QEMU,", () => {
  testLogin({
    provided: arm64,
    userAgent: /^nanoctl\/\S+ \(linux; aarch64\)$/,
    checkStored: (home: Home): void => {
      assertEquals(home.entries(), [...STORED_ENTRIES, "ca.pem"].sort());
      for (const folder of [CONFIG_FOLDER, DATA_FOLDER]) {
        assertEquals(home.mode(folder), "0700");
      }
      for (const file of [CREDENTIALS, KEY]) {
        assertEquals(home.mode(file), "0600");
      }
    },
    checkLoggedOut: (home: Home): void => {
      assertEquals(readStored(home).profiles, {});
    },
  });
});
