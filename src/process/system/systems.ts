import { macos } from "./macos.ts";
import type { System } from "./system.ts";
import { unix } from "./unix.ts";
import { windows } from "./windows.ts";

/** The system that this runs on, as `Context` names it. */
export const ownOs: string = Deno.build.os;

/** A system by its name; one of which nothing is known is like Linux. */
export function systemOf(os: string): System {
  if (os === "windows") return windows;
  return os === "darwin" ? macos : unix;
}

/** The system that this runs on: the one whose files these are. */
export const ownSystem: System = systemOf(ownOs);
