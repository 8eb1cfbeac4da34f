import "./runtime.ts";

await import("../../../main.ts");
