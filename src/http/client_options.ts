import type { Secret } from "../secret.ts";
import type { ConnectionOptions } from "./connections.ts";

/** What the client needs to know of the service that it talks to. */
export interface HttpOptions extends ConnectionOptions {
  /** The service's URL in its normal form (parseServiceUrl). */
  baseUrl: string;
  /** The header that presents a token to this service: name and value. */
  present(token: Secret): [name: string, value: string];
  /** Headers that every request to the service's own origin carries, and that hold no secret. */
  fixedHeaders?: readonly [name: string, value: string][];
  /** Headers that every request to the service's own origin carries. They may be credentials. */
  headers?: { name: string; value: string }[];
  /** How long one request may take with all its tries and redirects, in seconds. */
  timeoutSeconds: number;
  /** Send the token over plain http to a host that is not this machine. */
  insecureHttp?: boolean;
  /** How often a request is tried at most: 3 unless said. */
  attempts?: number;
  /** How many redirects are followed at most: 5 unless said; with 0 a redirect is refused. */
  redirects?: number;
  /** How much of an answer that is read whole is read at most, in bytes: 10 MiB unless said. */
  bodyLimit?: number;
  /** Ends every request when it is aborted; the reason is the error. */
  signal?: AbortSignal;
  /** Takes one line a request for `--verbose`, without secrets. */
  log?(line: string): void;
}
