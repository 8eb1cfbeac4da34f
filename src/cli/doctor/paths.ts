import { systemOf } from "../../process/system/systems.ts";
import {
  configFolder,
  dataFolder,
  type NamedFolder,
  noPlace,
} from "../../store/paths.ts";
import type { Facts } from "./facts.ts";
import { failed, type Finding, ok, warning } from "./finding.ts";

/** Which folders hold the credential file and the key file, and which variables say so. */
export function checkPaths({ context, isTokenGiven }: Facts): Finding {
  const { isAbsolute } = systemOf(context.os);
  const config = configFolder(context);
  const data = dataFolder(context);
  if (!config || !data) {
    const error = config
      ? noPlace("key file", "XDG_DATA_HOME", context)
      : noPlace("credential file", "NANOCTL_CONFIG_DIR", context);
    // A token from outside needs no files.
    return isTokenGiven && error.hint
      ? warning(`${error.message}; nothing can be stored`, error.hint)
      : failed(error);
  }
  const message = config.variable === data.variable
    ? `config in ${config.path}, data in ${data.path}, both from ${data.variable}`
    : `config in ${named(config)}, data in ${named(data)}`;
  if (!isAbsolute(config.path)) {
    return warning(
      `${message}; the first one depends on the working folder`,
      `set ${config.variable} to an absolute path`,
    );
  }
  const ignored = ["XDG_CONFIG_HOME", "XDG_DATA_HOME"].filter((name) => {
    const path = context.env.get(name);
    return path && !isAbsolute(path);
  });
  if (ignored.length === 0) return ok(message);
  return warning(
    `${message}; a relative path in ${ignored.join(" and ")} does not count`,
    `set ${ignored.join(" and ")} to an absolute path`,
  );
}

function named({ path, variable }: NamedFolder): string {
  return `${path} (from ${variable})`;
}
