import "./runtime.ts";

// Only now, so that whatever it loads finds Windows.
await import("../../../main.ts");
