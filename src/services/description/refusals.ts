import type { NanoctlError } from "../../errors.ts";
import type { HttpAnswer } from "../../http/messages.ts";
import { type Meaning, problemOf } from "../problem.ts";
import { dateAt, holds, read, type ReadAnswer, textAt } from "./places.ts";
import type { DatePlace, ServiceDescription } from "./schema.ts";

/** What an answer other than 2xx means, as the service is described; `otherwise` if it says nothing of it. */
export function describedProblem(
  { refusals = [], message }: ServiceDescription,
  answer: HttpAnswer,
  source: string,
  otherwise?: Meaning,
): NanoctlError {
  const found = read(answer);
  const refusal = refusals.find((one) => holds(found, one));
  const means = refusal?.means ?? otherwise;
  const detail = textAt(found, message) ?? "";
  return problemOf(answer, source, {
    refusal: "token_invalid",
    detail,
    detailedRefusal: true,
    ...(means ? { means } : {}),
    until: untilIn(found, refusal?.until),
  });
}

/** When the service takes requests again; undefined where it doesn't say in a way that we understand. */
function untilIn(
  found: ReadAnswer,
  places: DatePlace[] | undefined,
): Date | undefined {
  try {
    return dateAt(found, places);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
