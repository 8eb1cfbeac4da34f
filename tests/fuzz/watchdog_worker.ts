/** The thread of {@linkcode Watchdog}. */

type Message = { what?: string; patience?: number; input?: string };

let what = "";
let patience = 60;
let latest = "";
let timer: ReturnType<typeof setTimeout> | undefined;

function giveUp(): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${what}: ${latest}\n`));
  Deno.kill(Deno.pid, "SIGKILL");
}

addEventListener("message", (event) => {
  const { data } = event as MessageEvent<Message>;
  what = data.what ?? what;
  patience = data.patience ?? patience;
  latest = data.input ?? latest;
  clearTimeout(timer);
  timer = setTimeout(giveUp, patience * 1000);
});
