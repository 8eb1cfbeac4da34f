/** The goals of docs/performance.md, and whether they are met. */

import { NAMES } from "./candidates.ts";
import type { Figures, Size } from "./measure.ts";

/** What is aimed at, and what came of it. */
export interface Goal {
  goal: string;
  figure: number;
  met: boolean;
}

/** Judges what was measured; a goal beside gh needs gh. */
export function judge(figures: Figures[], [ours, floor]: Size[]): Goal[] {
  const of = (name: string): Figures | undefined =>
    figures.find((figure) => figure.name === name);
  const atMost = (limit: number, goal: string, figure: number): Goal[] =>
    Number.isNaN(figure) ? [] : [{ goal, figure, met: figure <= limit }];
  const ratio = (name: string, base: string): number =>
    (of(name)?.median ?? NaN) / (of(base)?.median ?? NaN);
  // Of turns in the same round: what slows the machine slows both.
  const more = (name: string, base: string): number =>
    (of(name)?.above_floor ?? NaN) - (of(base)?.above_floor ?? NaN);
  const noSlower = (name: string, base: string): Goal[] =>
    atMost(
      0,
      `${name} takes no longer than ${base} (ms more)`,
      more(name, base),
    );
  const times = (limit: number, name: string, base: string): Goal[] =>
    atMost(
      limit,
      `${name} takes at most ${limit.toFixed(2)} times ${base}`,
      ratio(name, base),
    );
  return [
    ...times(1.15, NAMES.token, NAMES.empty),
    ...noSlower(NAMES.token, NAMES.ghToken),
    ...atMost(
      1.15,
      "token holds at most 1.15 times the floor's memory",
      (of(NAMES.token)?.peak ?? NaN) / (of(NAMES.empty)?.peak ?? NaN),
    ),
    ...atMost(
      2,
      "opening the store adds less than 2 ms to token",
      more(NAMES.token, NAMES.tokenGiven),
    ),
    ...atMost(
      8,
      "10000 profiles add at most 8 ms to token",
      more(NAMES.tokenMany, NAMES.token),
    ),
    ...[NAMES.git, NAMES.docker, NAMES.kubernetes].flatMap((name) =>
      noSlower(name, NAMES.ghGit)
    ),
    ...noSlower(NAMES.status, NAMES.ghToken),
    ...noSlower(NAMES.help, NAMES.ghHelp),
    ...[NAMES.whoami, NAMES.api, NAMES.externalAuth].flatMap((name) => [
      ...times(1.3, name, NAMES.fetching),
      ...noSlower(name, NAMES.ghApi),
    ]),
    ...atMost(
      15,
      "login takes at most 15 ms more than whoami",
      more(NAMES.login, NAMES.whoami),
    ),
    ...atMost(
      1.5,
      "the program is at most 1.5 MB larger than the floor (MB)",
      ((ours?.bytes ?? NaN) - (floor?.bytes ?? NaN)) / 1e6,
    ),
  ];
}
