import type { Target } from "./target.ts";
import { answers } from "./targets/answers.ts";
import { argumentLists } from "./targets/argument_list.ts";
import { argvs, parses } from "./targets/argv.ts";
import { caFile } from "./targets/ca_file.ts";
import { credentialFile, keySlots } from "./targets/credential_file.ts";
import { descriptions } from "./targets/descriptions.ts";
import { devServer } from "./targets/dev_server.ts";
import { extraPath } from "./targets/extra_path.ts";
import { keys } from "./targets/keys.ts";
import { metadata } from "./targets/metadata.ts";
import { oauth } from "./targets/oauth.ts";
import { tokenText } from "./targets/token_text.ts";
import { proxies, redirects, retryAfter, serviceUrls } from "./targets/urls.ts";

/** Everything that takes something from outside. */
export const TARGETS: readonly Target[] = [
  credentialFile,
  keySlots,
  keys,
  ...answers,
  descriptions,
  ...oauth,
  metadata,
  extraPath,
  serviceUrls,
  proxies,
  redirects,
  retryAfter,
  tokenText,
  argumentLists,
  argvs,
  parses,
  caFile,
  devServer,
];
