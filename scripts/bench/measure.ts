/** Lets the candidates take turns, and sums up what that took. */

import { type Candidate, peakMemory, type Timer } from "./timer.ts";

/** Starts in a row: few, so that what disturbs one candidate disturbs all. */
export const STARTS = 2;
const MEMORY_STARTS = 5;

/** What was measured of a candidate: times in milliseconds, memory in KiB. */
export interface Figures {
  name: string;
  median: number;
  lowest: number;
  /** The median beside the floor's. */
  ratio: number;
  /** The median of what a turn took longer than the floor's turn in the same round. */
  above_floor: number;
  cpu: number | undefined;
  peak: number | undefined;
}

/** The size of a file in bytes, as it is and packed with gzip. */
export interface Size {
  name: string;
  bytes: number;
  gzip: number;
}

/** Lets all candidates take turns, round after round. */
export async function measure(
  candidates: Candidate[],
  time: Timer,
  rounds: number,
): Promise<Figures[]> {
  const turns = candidates.map((): number[] => []);
  const walls = candidates.map((): number[] => []);
  const cpus = candidates.map((): number[] => []);
  for (let round = -1; round < rounds; round++) {
    for (const [index, candidate] of candidates.entries()) {
      const { wall, cpu } = await time(candidate, STARTS);
      // The first round only warms the page cache.
      if (round < 0) continue;
      walls[index]?.push(...wall);
      turns[index]?.push(Math.min(...wall));
      if (cpu !== undefined) cpus[index]?.push(cpu);
    }
  }
  const floor = median(walls[0] ?? []);
  return await Promise.all(candidates.map(async (candidate, index) => {
    const all = walls[index] ?? [];
    const above = (turns[index] ?? [])
      .map((turn, round) => turn - (turns[0]?.[round] ?? NaN));
    return {
      name: candidate.name,
      median: median(all),
      lowest: Math.min(...all),
      ratio: median(all) / floor,
      above_floor: median(above),
      cpu: cpus[index]?.length ? median(cpus[index]) : undefined,
      peak: await medianPeak(candidate),
    };
  }));
}

async function medianPeak(candidate: Candidate): Promise<number | undefined> {
  const peaks: number[] = [];
  for (let start = 0; start < MEMORY_STARTS; start++) {
    const peak = await peakMemory(candidate);
    if (peak === undefined) return undefined;
    peaks.push(peak);
  }
  return median(peaks);
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? NaN;
}

/** The size of a file. */
export async function sizeOf(name: string, path: string): Promise<Size> {
  const file = await Deno.open(path);
  const packed = file.readable.pipeThrough(new CompressionStream("gzip"));
  let gzip = 0;
  for await (const chunk of packed) gzip += chunk.length;
  return { name, bytes: (await Deno.stat(path)).size, gzip };
}
