import "./runtime.ts";

await import("../../../src/worker.ts");
