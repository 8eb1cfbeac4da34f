/** One request to the service. */
export interface HttpRequest {
  method?: string;
  /** Path below the service's URL, with its leading slash and its query. */
  path: string;
  /** Additional headers. They are dropped when a redirect leaves the origin. */
  headers?: [name: string, value: string][];
  /** Sent as JSON. */
  json?: unknown;
  /** Sent as it is, in place of `json`; its content type is JSON unless a header says otherwise. */
  body?: Uint8Array<ArrayBuffer>;
  /** Its content is as sensitive as a token, and is sent only where a token would be. */
  confidential?: boolean;
}

/** What every answer tells before its body. */
export interface AnswerHead {
  readonly status: number;
  readonly headers: Headers;
  /** When it came. */
  readonly receivedAt: Date;
  /** Where the answer came from in the end, after redirects. */
  readonly url: URL;
  /** Whether a redirect led to another origin, so that no token went along. */
  readonly leftOrigin: boolean;
}

/** An answer that has been read whole. */
export interface HttpAnswer extends AnswerHead {
  readonly text: string;
}

/** An answer whose body is still to come, of any size. */
export interface HttpStream extends AnswerHead {
  /** The body. Throws network errors, and a timeout between two chunks. */
  readonly chunks: AsyncIterable<Uint8Array<ArrayBuffer>>;
  /** Discards the body. */
  cancel(): Promise<void>;
}
